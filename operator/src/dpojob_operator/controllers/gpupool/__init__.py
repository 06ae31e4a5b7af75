"""The controller of GPUPools: their capacity and status, from Nodes and Pods."""
