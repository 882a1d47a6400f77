"""`python -m target_userflow` is the command `target-userflow`."""

from target_userflow.target import TargetUserflow

main = TargetUserflow.cli

if __name__ == "__main__":
    main()
