"""Pushes events to URLs: the CloudEvents HTTP binding, signed as Standard Webhooks has it.

The requests are written here and the answers are read by `http.client`, because the parts that matter are not options
of a library: connecting to the address that was checked, without resolving the name again, and one deadline for all of
a call, however slowly the other side sends. Redirects are not followed, and there are no proxies and no cookies.
"""
