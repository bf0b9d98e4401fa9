# How a layer gets its libraries, for the makefiles of layers: wheels of where the functions run, not of where this runs.
# PLATFORM and TARGET_PYTHON name another place, as an emulator on this machine: `make build TARGET_PYTHON=3.11 PLATFORM=...`.
PLATFORM ?= manylinux2014_aarch64
TARGET_PYTHON ?= 3.13

# $(call wheels,REQUIREMENTS)
define wheels
	python3 -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(1) --no-compile \
		--platform $(PLATFORM) --python-version $(TARGET_PYTHON) --only-binary=:all: --target "$(ARTIFACTS_DIR)/python"
endef

# $(bare), last: what pip adds for the command line goes, and what only people, tests, compilers and type checkers read. Licences
# stay, in *.dist-info.
define bare
	rm -rf "$(ARTIFACTS_DIR)/python/bin" "$(ARTIFACTS_DIR)"/python/*.md
	find "$(ARTIFACTS_DIR)" \( -name __pycache__ -o -name py.typed -o -name '*.pyi' -o -name '*.c' -o -name tests -o -name benchmarks \) -prune -exec rm -rf {} +
endef
