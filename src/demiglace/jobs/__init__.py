"""A recipe run or resumed in a folder."""
