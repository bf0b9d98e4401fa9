#!/bin/sh
# Stands in for a service that charges cards. `eventstore work` runs it for each event, which it reads on standard input.
# Exit code 0: handled; 65: not to be tried again, the event is parked; any other: failed, to be tried again.
if ! grep -q '"data"'; then
  echo "there is nothing to charge" >&2
  exit 65
fi
echo "charged for $EVENT_STREAM, event $EVENT_SEQUENCE, attempt $EVENT_ATTEMPT"
