"""The managed parts of AWS that this project stands on, emulated on one machine from template.yaml."""
