import { connect, createServer, type Socket } from 'node:net';

/** A way to a server of this machine on which everything takes longer. */
export interface SlowConnection extends AsyncDisposable {
  readonly port: number;
}

/** Opens a way to a port: each direction takes so many ms. */
export async function slowConnection(to: number, ms: number): Promise<SlowConnection> {
  const sockets = new Set<Socket>();
  const pass = (from: Socket, into: Socket) => {
    sockets.add(from);
    from.on('data', data => setTimeout(() => into.writable && into.write(data), ms));
    from.on('error', () => into.destroy());
    from.on('close', () => {
      sockets.delete(from);
      setTimeout(() => into.destroy(), ms);
    });
  };
  const server = createServer(client => {
    const onward = connect(to, '127.0.0.1');
    pass(client, onward);
    pass(onward, client);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
