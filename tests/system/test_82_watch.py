"""What an operator watches: the metrics and their promises, log lines as text and JSON, one request
followed through the processes, the status page, the dashboard and the alarms."""
