/** `kiosk <command>`, as an operator types it on a box that was set up as deploy/README.md says: by root, with the services' settings, rights and folders. */
import { expect, test } from '@jest/globals';
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { canIsolate, newMachine } from '../empty-machine.ts';
import { describeWith } from '../tools.ts';

const setUp = `
for folder in /etc /opt /var/lib /var/backups /usr/local; do
  mkdir -p "$TMPDIR/above$folder" "$TMPDIR/work$folder"
  mount -t overlay overlay -o "lowerdir=$folder,upperdir=$TMPDIR/above$folder,workdir=$TMPDIR/work$folder" "$folder"
done
mkdir /opt/kiosk && mount --bind "$PWD" /opt/kiosk && unset TMPDIR
useradd --system --home-dir /var/lib/kiosk --shell /usr/sbin/nologin kiosk
install -d -m 0700 /etc/kiosk && install -m 0600 .env.example /etc/kiosk/kiosk.env
install -m 0755 deploy/systemd/kiosk /usr/local/sbin/kiosk
install -d -m 0700 -o kiosk -g kiosk /var/lib/kiosk /var/backups/kiosk /var/backups/kiosk-keys
cd /
`;

/** Only root can mount over what there is. */
const alsoMissing = canIsolate() && process.getuid?.() === 0 ? [] : ['a machine of its own (root, namespaces)'];

describeWith(['npm', 'unshare', 'runuser', 'useradd'], 'the operator\'s command under systemd', () => {
  test('has the settings of the services, and neither root\'s rights nor a folder of its own', async () => {
    using machine = newMachine({ installed: true });
    chmodSync(dirname(machine.folder), 0o755);
    const { code, output } = await machine.run(`${setUp}
      echo 'REPORT_BRAND_NAME="Two words"' >> /etc/kiosk/kiosk.env
      kiosk config:check
      kiosk backup 2>&1 || echo "exit code $?"
      kiosk backup --list
      test -z "$(ls -A /var/lib/kiosk)"
      kiosk 2>&1 || echo "exit code $?"`, { withinMs: 120_000 });
    if (code !== 0) throw new Error(`ended with ${code} after:\n${output}`);
    expect(output).toMatch(/STORAGE_PATH +environment +\/var\/lib\/kiosk$/m);
    expect(output).toMatch(/REPORT_BRAND_NAME +environment +Two words$/m);
    expect(output).toContain('no backup: /var/lib/kiosk holds no database: set STORAGE_PATH to the services\' own\nexit code 1\n');
    expect(output).toMatch(/^kiosk <command> .*\nexit code 2$/m);
  }, 150_000);
}, { alsoMissing });
