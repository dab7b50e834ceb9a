"""Strategies in processes of their own: the owner's side and the child's."""

from __future__ import annotations
