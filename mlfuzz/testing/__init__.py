"""What a part owes mlfuzz, as laws that anyone can run over their own: `mlfuzz.testing.mutators` and its siblings."""
