"""What can be seen of a deployment from outside: traces, metrics, logs. Watches journeys and changes none."""
