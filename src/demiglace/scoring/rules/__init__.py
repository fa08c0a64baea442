"""By which rules benchmarks are scored: ours, and those of evaluation kits as they are, so that scores compare."""
