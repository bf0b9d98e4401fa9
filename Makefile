# flunq-eventstore. `make help` lists what there is to do.

# The first Python that is new enough; another one by `make test PYTHON=...`.
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
VENV ?= .venv
BIN := $(VENV)/bin
DEV := $(VENV)/.dev
TEST := $(VENV)/.test
PROTO := proto/generate.py $(shell find proto -name '*.proto')
SAM := $(VENV)-sam/bin/sam
LOCALSTACK := $(VENV)-localstack/.installed
MINISTACK := $(VENV)-ministack/bin/ministack
CHECKOV := $(VENV)-checkov/.installed
ZENSICAL := $(VENV)-docs/bin/zensical

.DEFAULT_GOAL := help
.PHONY: help dev serve demo test test-server test-backends test-nats test-kafka soak nightly check format bench screenshots test-localstack test-queues lint-template lint-proto lint-javascript docs audit test-sam-local sam-local image test-image build built dist npm-package deploy lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

dev: $(DEV) ## Run the hub on 127.0.0.1:8081, or PORT=..., with all that it needs
	@exec $(BIN)/python -m eventstore_dev

serve: $(DEV) ## Run the hub as a service on 127.0.0.1:8081 and gRPC on 9001, or PORT=... GRPC_PORT=..., on a Valkey of its own
	@exec $(BIN)/python -m eventstore_server

demo: $(DEV) ## Publish runs of invented workflows to the hub that runs (there too), and read one back
	@EVENTSTORE_URL=$${EVENTSTORE_URL:-http://127.0.0.1:$${PORT:-8081}} $(BIN)/python -m eventstore_client demo

test: $(TEST) ## Run the tests, or TESTS=... some of them
	$(BIN)/python -m pytest $(TESTS)

soak: $(TEST) ## Run the soaks at full size: 10,000 events, 50 subscribers, 600,000 steps of chaos, 20 minutes of it on instances; SOAK_SEED and CHAOS_SEED repeat one
	SOAK_EVENTS=10000 SOAK_SUBSCRIBERS=50 $(BIN)/python -m pytest -q -s tests/e2e/test_soak.py
	SOAK_EVENTS=5000 $(BIN)/python -m pytest -q -s tests/e2e/test_soak_groups.py
	EVENTSTORE_ENDPOINT=server SOAK_EVENTS=10000 SOAK_SUBSCRIBERS=50 $(BIN)/python -m pytest -q -s tests/e2e/test_soak.py
	EVENTSTORE_ENDPOINT=server SOAK_EVENTS=5000 $(BIN)/python -m pytest -q -s tests/e2e/test_soak_groups.py
	KILLS=20 $(BIN)/python -m pytest -q tests/e2e/test_killed_functions.py
	MANY_STREAMS=full CUTS=10000 KILLS=20 EVENTSTORE_ENDPOINT=server $(BIN)/python -m pytest -q \
		tests/e2e/test_many_streams.py tests/e2e/test_cuts.py tests/e2e/server/test_killed_instance.py
	for journal in nats nats-cluster kafka; do \
		SOAK_JOURNAL=$$journal SOAK_EVENTS=5000 SOAK_SUBSCRIBERS=40 EVENTSTORE_ENDPOINT=server \
			$(BIN)/python -m pytest -q -s tests/e2e/server/test_soak_journal.py || exit; done
	$(BIN)/python -m tests.chaos --seeds 30 --steps 20000 --write
	$(BIN)/python -m tests.chaos --mutants --seeds 40 --steps 3000
	$(BIN)/python -m tests.chaos.server --seeds 10 --seconds 120
	for backend in nats nats-cluster kafka; do \
		$(BIN)/python -m tests.chaos.server --backend $$backend --seeds 3 --seconds 120 || exit; done
	$(BIN)/python -m tests.chaos.server --mutants --seeds 5 --seconds 30

nightly: $(TEST) ## Run what takes hours: the soaks and the benchmarks at full size, the tests of security a hundred times as thorough
	$(MAKE) --no-print-directory soak
	SECURITY=thorough $(BIN)/python -m pytest -q tests/security
	ARCHIVE_FAULTS=all $(BIN)/python -m pytest -q tests/unit/archive
	$(MAKE) --no-print-directory test-queues
	$(MAKE) --no-print-directory bench

check: $(TEST) lint-template built ## Run format, lint, types, architecture, templates, build, tests; .ci/run has what CI runs beside
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory test

format: $(TEST) ## Format the code, and mend what can be mended
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(TEST) ## Measure, and write docs/benchmarks.md; ONLY=a,b some subjects, WRITE=1 their sections; AGAINST=<commit> compares with it: ONLY=a,b ROUNDS=n WRITE=1
	$(BIN)/python -m tests.benchmarks $(AGAINST:%=--against %) $(ONLY:%=--only %) $(ROUNDS:%=--rounds %) $(if $(WRITE),--write)

screenshots: $(TEST) ## Make the pictures of docs/console.md anew, with Chromium
	$(BIN)/python -m tests.screenshots

test-localstack: $(TEST) $(SAM) $(MINISTACK) ## Deploy the built template on MiniStack, or at AWS_ENDPOINT_URL, and run the end-to-end tests there
	@echo "Building for the Python and the processor that are to run the functions..."
	@mkdir -p .aws-sam
	@SAM_CLI_TELEMETRY=0 $(THERE) $(SAM) build --build-dir .aws-sam/endpoint/build >.aws-sam/endpoint.log 2>&1 || { cat .aws-sam/endpoint.log; false; }
	EVENTSTORE_ENDPOINT=$${EVENTSTORE_ENDPOINT:-ministack} SAM=$(SAM) MINISTACK=$(MINISTACK) \
		$(BIN)/python -m pytest tests/e2e --ignore=tests/e2e/dev

# MiniStack runs functions with the Python that it has itself; another endpoint's are named: TARGET_PYTHON=3.13 PLATFORM=...
THERE = TARGET_PYTHON=$(or $(TARGET_PYTHON),$(shell $(VENV)-ministack/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')) \
	PLATFORM=$(or $(PLATFORM),$(if $(filter Darwin,$(shell uname -s)),macosx_11_0,manylinux2014)_$(shell uname -m))

test-server: $(TEST) ## Run the end-to-end tests on the hub as a service, and those of several instances that die and hang
	EVENTSTORE_ENDPOINT=server $(BIN)/python -m pytest $(SERVER_TESTS)

SERVER_TESTS = tests/e2e --ignore=tests/e2e/dev

# The soak on a journal is a part of `make test-server`. What no event passes is the same on every backend: the console, who
# may do what, the form of requests, measuring, and what is tried in a browser.
SAME_EVERYWHERE = console test_access_contract.py test_browser.py test_contract.py test_doors.py test_javascript.py \
	test_pages.py test_policies.py test_tls.py server/test_metrics.py server/test_traces.py server/test_soak_journal.py
BACKEND_TESTS = tests/e2e --ignore=tests/e2e/dev $(SAME_EVERYWHERE:%=--ignore=tests/e2e/%)

test-backends: test-nats test-kafka ## Run the end-to-end tests on the hub as a service with its events in NATS, then in Kafka

test-nats: $(TEST) ## Run those with NATS
	EVENTSTORE_ENDPOINT=server $(BIN)/python -m tests.nats_server $(BIN)/python -m pytest $(BACKEND_TESTS)

test-kafka: $(TEST) ## Run those with Kafka
	EVENTSTORE_ENDPOINT=server $(BIN)/python -m tests.kafka_broker $(BIN)/python -m pytest $(BACKEND_TESTS)

test-queues: $(TEST) $(LOCALSTACK) ## Run the tests of queues on LocalStack's SQS too, without Docker
	$(BIN)/python -m tests.localstack $(VENV)-localstack/bin/python \
		$(BIN)/python -m pytest tests/contract/test_queues.py tests/contract/test_sqs_adapters.py

lint-template: $(SAM) $(CHECKOV) ## Validate the templates, and ask of them what a security review would
	SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint
	$(VENV)-sam/bin/cfn-lint --regions us-east-1 -- infra/stacks/*.yaml
	$(VENV)-checkov/bin/checkov --config-file infra/checkov.yaml

lint-proto: ## Lint the protobuf files, and compare them with the version before: are they compatible?
	@infra/buf/check

lint-javascript: ## Check the types of the JavaScript module
	@infra/tsc/check

docs: $(DEV) $(ZENSICAL) ## Build the site of the documentation into .site/html, with warnings as errors
	@$(BIN)/python -m eventstore_site write .site
	@NO_COLOR=1 $(ZENSICAL) build --strict --config-file .site/zensical.toml
	@$(BIN)/python -m eventstore_site check .site
	@echo "The site is in .site/html. Its search needs a web server: python3 -m http.server --bind 127.0.0.1 --directory .site/html"

audit: $(TEST) ## Ask whether anything that is pinned is known to be vulnerable
	$(BIN)/python -m tests.audit requirements.txt layers/*/requirements.txt requirements-dev.txt requirements-server.txt requirements-server-aws.txt requirements-test.txt \
		--tools requirements-checkov.txt requirements-docs.txt requirements-localstack.txt requirements-ministack.txt requirements-proto.txt requirements-sam.txt

test-sam-local: $(TEST) $(SAM) ## Run every event of tests/events in Lambda's own containers, where Docker runs
	$(BIN)/python -m tests.sam_local $(SAM)

sam-local: $(TEST) $(SAM) ## Start what functions in containers need, and say how to run one
	@$(BIN)/python -m tests.sam_local $(SAM) --stay

image: ## Build the image of the hub as a service, flunq-events, with Docker
	docker build --tag flunq-events --build-arg REVISION="$$(git rev-parse HEAD)" .

test-image: $(TEST) ## Build the image and try it, where Docker runs: all doors, restarts, three instances
	$(BIN)/python -m tests.image

build: $(SAM) ## Build the functions and layers for Lambda
	SAM_CLI_TELEMETRY=0 $(SAM) build

built: build $(TEST) ## Build, and see that it is small and holds nothing unused
	BUILT=.aws-sam/build $(BIN)/python -m pytest -q tests/artifacts

dist: $(DEV) ## Build the client as a wheel and an sdist, and the hub as a wheel, into dist/, with what is pinned
	cd layers/client && $(abspath $(BIN))/python -m hatchling build -d $(CURDIR)/dist
	$(BIN)/python -m hatchling build -t wheel -d dist

npm-package: ## Pack the JavaScript module for npm, with the version of pyproject.toml, into dist/
	@rm -rf dist/npm && mkdir -p dist/npm
	@cp functions/rest/javascript/eventstore.js functions/rest/javascript/package.json LICENSE dist/npm/
	@cd dist/npm && npm pkg set version="$$(sed -n 's/^version = "\(.*\)"$$/\1/p' ../../pyproject.toml)" && npm pack --silent --pack-destination ..

deploy: build ## Deploy to the AWS account that your credentials name; ENV=prod for production
	$(SAM) deploy --config-env $(ENV)

ENV := dev

lock: $(TEST) ## Pin the dependencies anew, after pyproject.toml changed
	$(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install --quiet uv
	$(VENV)-lock/bin/uv pip compile $(COMPILE) pyproject.toml -o requirements.txt
	$(VENV)-lock/bin/uv pip compile $(COMPILE) --extra server $(WITHOUT) pyproject.toml -o requirements-server.txt
	printf 'boto3>=1.44\n' | $(VENV)-lock/bin/uv pip compile $(COMPILE) --constraint requirements-server.txt --no-emit-package jmespath --no-emit-package urllib3 - -o requirements-server-aws.txt
	$(VENV)-lock/bin/uv pip compile $(COMPILE) --extra dev pyproject.toml layers/client/pyproject.toml -o requirements-dev.txt
	$(VENV)-lock/bin/uv pip compile $(COMPILE) --extra test pyproject.toml layers/client/pyproject.toml -o requirements-test.txt
	$(VENV)-lock/bin/uv pip compile $(COMPILE) $(WITHOUT) layers/client/pyproject.toml -o layers/client/requirements.txt
	$(VENV)-lock/bin/uv pip compile $(COMPILE) --group sam -o requirements-sam.txt
	printf 'confluent-kafka>=2.16\n' | $(VENV)-lock/bin/uv pip compile $(COMPILE) - -o layers/kafka/requirements.txt
	printf 'pyjwt[crypto]>=2.10\n' | $(VENV)-lock/bin/uv pip compile $(COMPILE) $(WITHOUT) - -o layers/authorizer/requirements.txt
	$(VENV)-lock/bin/uv pip compile $(COMPILE) --group localstack -o requirements-localstack.txt
	$(VENV)-lock/bin/uv pip compile $(COMPILE) --group ministack -o requirements-ministack.txt
	$(VENV)-lock/bin/uv pip compile $(COMPILE) --group proto -o requirements-proto.txt
	$(VENV)-lock/bin/uv pip compile $(COMPILE) --group checkov -o requirements-checkov.txt
	$(VENV)-lock/bin/uv pip compile $(COMPILE) --group docs -o requirements-docs.txt

COMPILE := --quiet --universal --generate-hashes --no-header --python-version 3.11
# What libraries of layers want for parts of them that nothing here imports: CloudEvents for its first API, dateutil for
# zones by name, cffi for writing bindings.
WITHOUT := --no-emit-package deprecation --no-emit-package packaging --no-emit-package tzdata --no-emit-package pycparser

clean: ## Remove what was built and installed; the data in .eventstore stays
	rm -rf $(VENV) $(VENV)-* .aws-sam .site dist infra/axe/node_modules infra/buf/node_modules infra/tsc/node_modules infra/server/eventstore_proto

# Environments ---------------------------------------------------------------

.PHONY: environments
environments: $(TEST) $(SAM) $(CHECKOV) $(MINISTACK) $(ZENSICAL)

# Installs what a file of requirements pins, a line for each package; $(1) the environment, $(2) the file.
# The pipe would hide that pip failed, so pip's end is a line of its own.
define install
{ $(1)/bin/pip install --disable-pip-version-check --no-input --progress-bar off --require-hashes --no-deps -r $(2) || \
	echo "pip: failed"; } | awk -v all="$$(grep -c '^[a-z0-9].*==' $(2))" '\
	/^pip: failed$$/ { exit failed = 1 } \
	/^(Collecting|Processing) / { sub(/.*\//, "", $$2); printf "  %d of %d: %s\n", ++count, all, $$2; fflush() } \
	/^Installing collected/ { print "  unpacking..."; fflush() }'
endef

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed, and none is on the PATH." >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.dev-packages: $(VENV)/bin/python requirements-dev.txt pyproject.toml layers/client/pyproject.toml
	@echo "Installing what the hub needs into $(VENV), once: some 200 MB, which takes a minute or two"
	@$(call install,$(VENV),requirements-dev.txt)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@# Afterwards, because an earlier version of the hub had the command of the client, which goes with it.
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e layers/client
	@touch $@

# The Python of proto/ is generated, and not in git.
$(DEV): $(VENV)/.dev-packages $(PROTO)
	@$(BIN)/python proto/generate.py infra/server
	@touch $@

$(TEST): $(VENV)/.dev-packages requirements-test.txt | $(DEV)
	@echo "Installing what the tests need into $(VENV), once"
	@$(call install,$(VENV),requirements-test.txt)
	@infra/axe/install
	@touch $@

# A tool in an environment of its own, for its pins are narrow; $(1) its name, $(2) the file that says it is there, $(3) what it is.
define tool
$(2): requirements-$(1).txt
	@test -n "$$(PYTHON)" || { echo "Python 3.11 or later is needed, and none is on the PATH." >&2; exit 1; }
	@echo "Installing $(3) into $(VENV)-$(1), once"
	@$$(PYTHON) -m venv $(VENV)-$(1)
	@$$(call install,$(VENV)-$(1),requirements-$(1).txt)
	@touch $$@
endef

$(eval $(call tool,sam,$(SAM),the SAM CLI))
$(eval $(call tool,ministack,$(MINISTACK),MiniStack))
$(eval $(call tool,localstack,$(LOCALSTACK),LocalStack))
$(eval $(call tool,checkov,$(CHECKOV),checkov))
$(eval $(call tool,docs,$(ZENSICAL),Zensical))

# What `sam build` calls (Metadata: BuildMethod: makefile) -------------------

# A function is its folder, and of what functions share the modules that it imports; tests/artifacts compares.
BUILDS := build-RestFunction build-WebSocketFunction build-DispatchFunction build-DeliverFunction build-PushFunction build-SweepFunction build-ArchiveFunction build-AuthorizerFunction build-ConsoleFunction
.PHONY: $(BUILDS)
build-RestFunction: PARTS = rest answers access.py handshake.py hub.py parameters.py protocol.py
build-WebSocketFunction: PARTS = websocket access.py handshake.py hub.py parameters.py protocol.py
build-DispatchFunction: PARTS = dispatch hub.py queues.py
build-DeliverFunction: PARTS = deliver hub.py
build-PushFunction: PARTS = push hub.py
build-SweepFunction: PARTS = sweep hub.py
build-ArchiveFunction: PARTS = archive hub.py
build-AuthorizerFunction: PARTS = authorizer
build-ConsoleFunction: PARTS = console
$(BUILDS):
	mkdir -p "$(ARTIFACTS_DIR)/functions"
	cp -r $(addprefix functions/,__init__.py $(PARTS)) "$(ARTIFACTS_DIR)/functions/"
	@# key.py is a command line, which makes keys where people are; package.json is for npm and Node.js.
	find "$(ARTIFACTS_DIR)" \( -name __pycache__ -o -path '*/authorizer/key.py' -o -path '*/javascript/package.json' -o -path '*/static/package.json' \) -prune -exec rm -rf {} +
