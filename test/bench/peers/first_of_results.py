#!/usr/bin/python3
"""Adds up the first numbers of the first fragments of a run's results, in the order of the events.

  first_of_results.py OUT FRAGMENTS     prints their sum
"""
import sys
import h5py

with h5py.File(f"{sys.argv[1]}/results.h5") as f:
    print(int(f["fragments/first"][: int(sys.argv[2])].astype("i8").sum()))
