"""The subcommands, by what they are about. Each parses, calls the API and renders; none holds logic of its own."""
