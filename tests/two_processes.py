"""The command line in two processes that learn together."""

import sys

LAUNCHER = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "--")
TWO_PROCESSES = (*LAUNCHER, "demiglace")
