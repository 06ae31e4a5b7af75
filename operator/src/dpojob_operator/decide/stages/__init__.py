"""The stages of a decision, in order, and the checks that several of them share."""
