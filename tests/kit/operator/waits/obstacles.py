"""What holds a job: messages of the scheduler, of quotas and of webhooks, and claims."""

from __future__ import annotations

from dpojob_operator.decide.object_snapshots import PVCSnapshot

NO_LABEL = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."
UNBOUND = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."
NO_VOLUME = "0/3 nodes are available: 3 node(s) didn't find available persistent volumes to bind."
NO_ROOM = (
    "0/3 nodes are available: 1 Insufficient nvidia.com/gpu, 2 node(s) had untolerated taint(s)."
)
QUOTA = 'jobs.batch "x" is forbidden: exceeded quota: team, requested: count/jobs.batch=1'
POD_QUOTA = (
    'Error creating: pods "x-train-1-abc" is forbidden: exceeded quota: team, requested: '
    "requests.nvidia.com/gpu=1, used: requests.nvidia.com/gpu=8, limited: requests.nvidia.com/gpu=8"
)
ON_A_CLAIM = {"dataset": {"volume": {"claimName": "data", "path": "pairs.parquet"}}}
BOUND = PVCSnapshot(name="data", phase="Bound")
WEBHOOK = 'admission webhook "policy.example.com" denied the request: no'
