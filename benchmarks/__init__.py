"""What the client costs, beside its peers and beside the least that the same requests can cost."""
