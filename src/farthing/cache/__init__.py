"""Answers that are given again: what makes two tasks the same, where answers are kept, who asks first."""
