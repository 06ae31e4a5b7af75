# The commands of this repository, by purpose. `make` alone lists them.
#   CONTEXT=name   use the cluster of this kubeconfig context instead of one made on this machine
#   KEEP=1         leave the test clusters running
.DEFAULT_GOAL := help
.PHONY: help demo images down setup docs unit check test faults chaos fuzz bench mutation rehearse generate lock
SHELL := /bin/bash
export CONTEXT KEEP

help: ## list the commands
	@awk -F ':.*## ' '/^##@ /{printf "\n%s\n", substr($$0, 5)} /^[a-z]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Use

demo: setup ## from dataset to trained model on a real one-node cluster
	@.venv/bin/python hack/demo.py

images: setup ## build the operator's and the trainer's images for the cluster on this machine
	@.venv/bin/python hack/images.py

down: ## stop the clusters, remove every process, mount, interface and rule of theirs, and outdated images
	@hack/down

##@ Develop

setup: ## create .venv with the whole workspace, as locked
	@hack/setup

unit: setup ## run the tests that need no cluster
	@.venv/bin/pytest -q -m "not cluster and not e2e and not train and not faults and not fuzz"

check: setup ## run lint, types, import rules, and the checks of generated files
	@hack/check

generate: setup ## write the CRDs, their copies in the chart, and the reference pages
	@hack/generate

lock: ## resolve every dependency again into locks/
	@hack/lock

docs: setup ## build the documentation as a site into build/site
	@hack/build-docs

test: setup ## run check, and the unit, training, control-plane and end-to-end tests
	@hack/test

faults: setup ## run the long fault sweep of at least 2,000 runs
	@.venv/bin/python -m tests.faults --runs 2000

chaos: setup ## restart the daemons of a real node, fill its disk, enforce NetworkPolicies while jobs run (as root)
	@.venv/bin/pytest -q -m chaos tests/e2e

fuzz: setup ## fuzz every reader of untrusted bytes for an hour
	@.venv/bin/python -m tests.fuzz --minutes 60

mutation: setup ## change decide and the planner in single places, and list what no unit test notices
	@nice .venv/bin/python -m bench.mutation

bench: setup ## measure the operator beside bare Jobs and Kubeflow Trainer, on control planes of its own
	@.venv/bin/python -m bench.operator

rehearse: setup ## rehearse the benchmark of a GPU on the CPU (docs/gpu.md has the real run)
	@.venv/bin/python bench/gpu/run.py --rehearse --output gpu-rehearsal.json
