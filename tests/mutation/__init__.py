"""Mutations of the code, drawn by a seed, and the nearest tests run on each: do the tests notice?"""
