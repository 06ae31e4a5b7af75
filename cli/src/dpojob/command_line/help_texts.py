"""What `--help` prints above the options of each command.

A line that holds only a backspace keeps the lines of the paragraph below it as they are.
"""

from __future__ import annotations

INSPECT = """\
Checks every row of the dataset and reads the model's own files, on this machine.

Prints the verdict, the problems with rows to look at, and YAML to paste. Runs what the cluster runs.

\b
exit status:
  0  the dataset can be trained on
  1  it cannot; the output says what to write
  2  could not look: a bad manifest, no such dataset or model, no access, an unreadable file

\b
examples:
  dpojob inspect -f job.yaml
  dpojob inspect -f job.yaml --volume data=./pairs --json | jq .problems
  dpojob inspect -f job.yaml --html report.html
  HF_TOKEN=hf_... dpojob inspect -f job.yaml          a private or gated repository
"""
PLAN = """\
Chooses the pool, the method and the batch, with memory, hours and cost of every pool considered.

The pools are those of --pools, else the GPUPools in FILE, else the chart's default catalogue. The
model and the dataset are inspected, unless --parameters gives the model's size.

\b
exit status:
  0  a plan was found
  1  nothing fits, or nothing within the budget
  2  could not look: a bad manifest, no such model, no access

\b
examples:
  dpojob plan -f job.yaml
  dpojob plan -f job.yaml --parameters 1.5B --rows 12859
  kubectl get gpupools -o yaml | dpojob plan -f job.yaml --pools -
"""
TRAIN = """\
Inspects, plans for this machine and trains, as the cluster would; for small models and for trying.

Writes the model, its card, report.html, metrics.jsonl and inspection.json to the directory given for
output.volume's claim, or to --output. Ctrl-C saves a checkpoint; the same command goes on from it.

\b
exit status:
  0   the model and its report are in place
  1   training failed unexpectedly, or nothing fits this machine
  2   could not look: a bad manifest, no such dataset or model
  10  the spec or the data must change first; so also an invalid dataset
  11  out of memory   12  stopped with a checkpoint   13  disk full   14  unhealthy, onUnhealthy: Stop

\b
examples:
  dpojob train -f job.yaml --volume data=./pairs --volume models=./models
  dpojob train -f job.yaml --output ./tuned
"""
EVALUATE = """\
Compares a tuned model with the job's model on held-out prompts, on this machine; trains nothing.

The tuned model is --tuned, else the one in the directory given for output.volume's claim. The judge is that
of spec.evaluation; without one, only figures that need none. Prompts with answers and scores are
written to evaluation.jsonl beside the tuned model. Ctrl-C keeps the answers; the same command goes on.

\b
exit status:
  0   the tuned model is better, or no judge was asked for
  1   it is not, or that is not decided
  2   could not look: a bad manifest, no such dataset or model, or the judge failed

\b
examples:
  dpojob evaluate -f job.yaml --volume data=./pairs --tuned ./tuned
"""
STATUS = """\
Shows a job on the cluster: phase, progress, margins, time left, cost, and why it is where it is.

exit status with --watch: 0 when the job completes, 1 when it fails or is deleted.

\b
examples:
  dpojob status helpful-qwen -n team-a --watch
"""
RUN = """\
Creates a job from options, and prints its name; the rest has the defaults that fit most jobs.

A model is a repository of the hub, pvc://CLAIM/PATH, or another job (--from-job); a dataset is a
repository, pvc://CLAIM/PATH or an address. Without a cluster the job can be trained on this machine.

\b
exit status:
  0  the job was created; with --watch, it is complete
  1  with --watch: it failed or was deleted
  2  an option is wrong, or the cluster refused the job
  with --here: those of `train`

\b
examples:
  dpojob run --dataset my-org/preference-data --from-job my-sft
  dpojob run --dataset my-org/pairs --model Qwen/Qwen2.5-1.5B --pool a10g-small --epochs 2 --lr 5e-6
  dpojob run --dataset pvc://data/train.jsonl --model org/model --dry-run -o yaml > job.yaml
"""
CHECK = """\
Checks every row of a dataset, before there is a job: a repository, a file or a directory.

Without --model, everything is checked that needs no model; with it, lengths in its tokens too.

\b
exit status:
  0  the dataset can be trained on
  1  it cannot; the output says what to write
  2  could not look: no such dataset, no access, an unreadable file

\b
examples:
  dpojob check my-org/preference-data
  dpojob check ./pairs.jsonl --map prompt=question --map chosen=good --map rejected=bad
"""
INIT = """\
Asks a few questions, looks at the dataset, and writes a manifest with a comment on each choice.

Every question has an option; with --yes none is asked. The file is not replaced where it exists.

\b
exit status:
  0  the manifest was written
  1  it was written, and the dataset needs more than it could suggest
  2  could not write, or an answer is missing

\b
examples:
  dpojob init
  dpojob init helpful.yaml --model Qwen/Qwen2.5-1.5B --dataset my-org/pairs --yes
"""
LIST = """\
Lists the jobs of a namespace, or of all.

\b
exit status: 0, or 2 where the cluster does not answer.

\b
examples:
  dpojob list
  dpojob list -A --phase Training -o name
"""
LOGS = """\
Prints the log of the job's newest pod: the training's, else the inspection's.

With --follow it waits for a pod, and goes on with the training's when the inspection has ended.

\b
exit status: 0; 1 where the job has no pod (any more); 2 where the cluster does not answer.
"""
SAMPLES = """\
Shows what the model answers to the sample prompts, before training and now.

\b
exit status: 0; 1 where there are none yet; 2 where the cluster does not answer.
"""
REPORT = """\
Fetches the job's report.html and opens it: the training's, else the inspection's with its rows.

The file is read from its claim by a pod of your own, which is deleted at the end, also on Ctrl-C.

\b
exit status: 0; 2 where there is no report on a claim, or it cannot be read.

\b
examples:
  dpojob report helpful-qwen -n team-a
  dpojob report helpful-qwen --to report.html --no-open
"""
DOWNLOAD = """\
Copies the trained model from its claim to a directory, checkpoints left out.

It is read by a pod of your own, which is deleted at the end, also on Ctrl-C. Needs the rights to create pods
and pods/exec, which the role edit has.

\b
exit status: 0; 2 where there is no model on a claim, or it cannot be read or written.

\b
examples:
  dpojob download helpful-qwen
  dpojob download helpful-qwen --to ./models/helpful
"""
EVENTS = """\
Shows the Events of a job, the newest last.

\b
exit status: 0, or 2 where the cluster does not answer.
"""
POOLS = """\
Shows the GPU pools: what they offer, what is free, and what a GPU costs by the hour.

Pools belong to the whole cluster; reading them needs the chart's ClusterRole dpojob-pool-viewer.

With "suggest", prints GPUPools for the GPU nodes of the cluster, by the labels that NVIDIA's GPU Feature
Discovery, GKE and Karpenter give them, to edit and apply. This needs the right to list nodes.

\b
exit status: 0; 1 where no pool can be suggested; 2 where the cluster does not answer or refuses.

\b
  dpojob pools suggest > pools.yaml
"""
UI = """\
Serves a page on this machine: all jobs, one job live with its curves, or several compared.

It reads the cluster with your kubeconfig and rights, and changes nothing. Only the
address that is printed opens it, and only on this machine. Ctrl-C ends it.

\b
examples:
  dpojob ui
  dpojob ui -n team-a -n team-b --no-browser
"""
SUSPEND = "Pauses a job: training stops with a checkpoint and frees its GPUs."
RESUME = "Lets a suspended job go on, from its newest complete checkpoint."
CANCEL = "Deletes a job. Its output claim, and what it uploaded, stay."
