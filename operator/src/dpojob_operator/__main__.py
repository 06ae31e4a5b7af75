"""`python -m dpojob_operator`."""

from dpojob_operator.main import main

main()
