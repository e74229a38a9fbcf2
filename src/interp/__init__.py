"""Where in the network bias comes from: checkpoints, scans, attribution, probes. Tensors only."""
