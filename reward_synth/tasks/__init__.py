"""Task specs: what is asked, in which environment, and what decides that it was done."""
