"""The control plane: etcd, API server, controllers, scheduler, kwok and the storage provisioner."""
