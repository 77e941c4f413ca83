"""The pages: one module each, which gathers what its template shows."""
