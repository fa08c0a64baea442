"""Jobs: recipes run or resumed in a folder."""
