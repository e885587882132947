"""The networks that a setup names: found, checked, loaded, and adapted by LoRA, IP-Adapter, offload and compile."""
