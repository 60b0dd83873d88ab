"""What a simulation costs: time and memory of one step against the number of atoms, singly and in batches."""
