"""The demo: 898 handwritten digits through an asynchronous endpoint, and an account of every one."""
