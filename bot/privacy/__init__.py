"""Data protection: masking, encryption of what agents need, retention, export and erasure."""
