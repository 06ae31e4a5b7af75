"""`python -m dpojob_operator`."""

from .main import main

main()
