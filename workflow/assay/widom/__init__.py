"""Widom's test-particle insertion: what a guest feels in a framework."""
