"""The web page: runs, one run, one candidate, and candidates side by side. It shows what run folders hold."""
