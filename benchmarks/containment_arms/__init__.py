"""Attacks on hosts with more and less protection, and what is seen of them afterwards."""
