"""Bringing a project up to a newer template, without losing what its user wrote."""
