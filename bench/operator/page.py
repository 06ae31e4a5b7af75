"""docs/performance.md: one section for each command, each replaced when its command runs again."""

from __future__ import annotations

from bench.pages import Page

HEAD = """# Performance of the operator

Written by `bench/operator`; do not edit. Each section holds what the command above it printed. `make bench` runs all
of them.

Every trial has a control plane of its own on the machine that is named with each table: etcd, API server,
kube-controller-manager at 500 requests per second, scheduler, all as plain processes (`devcluster`), with an empty
database. Controllers are processes too, each with a service account, with leader election. A job's time is that
from the request that creates it to the moment at which a watch shows its Pod object; the pods fit no node and
stay pending, as in a sweep that is larger than its cluster, unless a section says otherwise. Processor time is
counted until the whole control plane is quiet again.

* **bare Jobs**: `batch/v1` Jobs, created by the user.
* **Kubeflow Trainer**: TrainJobs of one node by the runtime `torch-distributed` of its module, with JobSet, both built
  from the Go module proxy and configured as their manifests are; "500 QPS" raises the client limit of both to 500
  (Trainer's own is 50, JobSet's 500). Certificates are given as files, no webhook is registered, and the runtime
  holds the fields that JobSet's webhook would set, so that Kubeflow Trainer is spared the time of its webhooks. For each job it makes
  more objects: a JobSet, a ConfigMap and a headless Service, for jobs of several nodes; it does not look at
  datasets, models, GPUs or outputs.
* **DPOJob**: this operator with its default settings but two: its Lease lasts 120 s, not 15 (`LEASE_SECONDS`), so that it does
  not end where other programs keep the machine busy; and it resolves no branches of a hub (`HUB_ENDPOINT=none`), since
  pinned commits need no hub and the machine may reach none. The jobs are a sweep over pinned commits on an existing
  claim, whose inspection the first job made. For each job it does more: it finds the shared inspection report, plans
  GPU pool, method, batch and cost, holds the output directory's lock, writes the plan and the name of the
  Job into the status before it creates it, and writes Events.
* **DPOJob's writes alone**: the least that any controller of DPOJobs asks of the API server. No operator runs; the
  benchmark's client itself creates each DPOJob, writes its status once and creates its Job, all copies of what the
  operator wrote for one job, so that its create calls are three requests. What lies between this and bare Jobs is work of
  the API server, of etcd and of the client; only what lies between this and DPOJob is the operator's.

For Fleet and Soak the pods find fake nodes and run. There `PROGRESS_VIA=pod` lets the operator read progress from the
pods' addresses, as it does by default inside a cluster, where the benchmark answers; and `TRAIN_RESOURCES` asks for 10m
of a processor and no memory beside the plan's, so that 150 pods fit a node. Fleet makes its finished jobs with at most
1,000 at a time that have not ended. Soak also sets `RESYNC_SECONDS=60`, not 120, so that it holds twice as many
resyncs. The operator does not watch nodes: it lists pools, nodes and the pods of others every 30 s, and
every `RESYNC_SECONDS` all that it watches. These are the requests of an idle fleet.

The targets, and whether the tables below reach them:

| of DPOJob | target | reached |
|---|---|---|
| rate of 200 and of 1,000, divided by Kubeflow Trainer's at its defaults | at least 3 | no |
| the same, divided by Kubeflow Trainer's at 500 QPS | at least 1 | yes |
| the same, divided by that of bare Jobs | at least 0.6 | no |
| time of one job, divided by Kubeflow Trainer's at its defaults | at most 0.7 | no |
| API requests per job, create to Complete | at most 8 | yes |
| CPU s per 1,000 jobs, of the operator | at most 12 | yes, just |
| fitted exponent of the time of 100, 1,000 and 10,000 jobs | at most 1.1 | yes |
| 1,000 running jobs: longest time without a reading; processor | at most 30 s; 0.5 | yes |
| 10,000 finished and 1,000 running jobs: resident memory; restart | below 300 MiB; 15 s | yes |
| status writes of one job in 30 s | at most 1 | yes |
| requests of an idle fleet | watches and the resync | no: nodes, pools and the pods of others every 30 s besides |
| soak of 30 minutes: memory, tasks, sockets, files, metric series | no growth | no: memory grows by a few MiB per 1,000 jobs, and there are more series at the end |

DPOJob's writes alone, without any operator, miss both rates too: [decision 10](decisions/0010-operator-speed.md) has
what an API server spends on them.
"""
PAGE = Page(HEAD, ("Comparison", "Requests and bytes", "Scale", "Fleet", "Soak"))
