"""The managed parts of AWS that this project stands on, emulated on one machine from template.yaml.

`python -m eventstore_dev` runs them, `stack.running` serves tests. PARITY.md beside this file tells where they equal
AWS, by which page, and where they differ.
"""
