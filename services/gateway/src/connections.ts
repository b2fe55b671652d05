/** The connections that are open: so many in all, and a part of them for each network. What comes beyond is closed at once. A proxy speaks for many, and may have all. */
import type { Socket } from 'node:net';
import { networkOf, plainAddress } from './addresses.ts';
import { Shares } from './shares.ts';

export class Connections {
  readonly #shares: Shares;
  readonly #isProxy: (ip: string) => boolean;
  readonly #open = new Set<Socket>();

  constructor({ most, mostPerAddress, isProxy }: { most: number; mostPerAddress: number; isProxy: (ip: string) => boolean }) {
    this.#shares = new Shares({ most, mostEach: mostPerAddress });
    this.#isProxy = isProxy;
  }

  add(socket: Socket): void {
    const ip = plainAddress(socket.remoteAddress ?? '');
    const who = networkOf(ip);
    const obstacle = this.#shares.obstacle(who);
    if (obstacle === 'all' || (obstacle === 'share' && !this.#isProxy(ip))) return void socket.destroy();
    this.#open.add(socket);
    this.#shares.take(who);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#shares.giveBack(who);
    });
  }

  /** Those too that have not said anything yet, not even that they want TLS. */
  closeAll(): void {
    for (const socket of this.#open) socket.destroy();
  }
}
