"""What the cameras of these tests do at a port, whatever they say there."""

import contextlib
import socket
import threading


class Listening:
    """Listens on a port, and gives each connection a thread that talks.

    ``mode`` says what is done with those who connect; ``drop`` ends them.
    """

    def __init__(self):
        self.mode = "serve"
        self.connections = 0
        self._over = threading.Event()
        self.port = None
        self.start()

    def start(self):
        """Listen, again on the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port or 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def stop(self):
        """Refuse connections, and end those there are."""
        self.mode = "drop"
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def close(self):
        self._over.set()
        self.stop()

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.connections += 1
                threading.Thread(target=self._talk, args=[client], daemon=True).start()

    def _talk(self, client):
        raise NotImplementedError
