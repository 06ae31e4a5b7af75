"""What tests share: fakes of the kubelet, of Kueue and of the Hugging Face hub, clients, builders."""
