/** What kustomize makes is what Kubernetes takes, and fits the system: settings, ports, the call graph, rights. */
import { describe, expect, test } from '@jest/globals';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { unknownNames } from '../settings.ts';
import { describeWith, has, run } from '../tools.ts';

type Named = { name: string };
type Container = Named & {
  image: string; envFrom: { configMapRef?: Named; secretRef?: Named }[]; ports: (Named & { containerPort: number })[]; resources: { requests: object; limits: object };
  securityContext: object; volumeMounts: { mountPath: string }[]; startupProbe: object; livenessProbe: object; readinessProbe: object;
};
type Pod = { metadata: { labels: Record<string, string> }; spec: { containers: Container[]; securityContext: object; automountServiceAccountToken: boolean; terminationGracePeriodSeconds: number } };
type Peer = { podSelector?: { matchLabels?: Record<string, string>; matchExpressions?: { values: string[] }[] } };
type KubernetesObject = {
  apiVersion: string; kind: string; metadata: Named & { namespace?: string; labels?: Record<string, string> }; data?: Record<string, string>;
  spec: { replicas?: number; serviceName?: string; template: Pod; clusterIP?: string; selector?: Record<string, string>; ports?: (Named & { port: number })[]; minAvailable?: number; podSelector?: Peer['podSelector']; ingress?: { from?: Peer[]; ports?: { port: string | number }[] }[]; volumeClaimTemplates?: object[] };
};

const folder = import.meta.dirname;
const services = ['sessions', 'payments', 'reporting', 'gateway'];
const label = 'app.kubernetes.io/name';

function objectsIn(text: string): KubernetesObject[] {
  return parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject);
}

/** Fails with what the object's own schema says against it. */
async function validate({ apiVersion, kind, ...rest }: KubernetesObject): Promise<void> {
  const models = await import(`kubernetes-models/${apiVersion}/${kind}`) as Record<string, new (object: object) => { validate(): void }>;
  new models[kind]!({ apiVersion, kind, ...rest }).validate();
}

describe.each(globSync('base/*.yaml', { cwd: folder }).filter((name) => !name.endsWith('kustomization.yaml')))('%s', (name) => {
  test.each(objectsIn(readFileSync(join(folder, name), 'utf8')).map((object) => [`${object.kind} ${object.metadata.name}`, object] as const))('%s is valid', async (_, object) => {
    await expect(validate(object)).resolves.toBeUndefined();
  });
});

test('a mistake is found', async () => {
  const [deployment] = objectsIn(readFileSync(join(folder, 'base/gateway.yaml'), 'utf8'));
  await expect(validate({ ...deployment!, spec: { ...deployment!.spec, replicas: 'two' as unknown as number } })).rejects.toThrow(/replicas/);
});

/** Older ones know neither `patches` nor `labels`. */
const kustomize = has('kubectl') && /Kustomize Version: v5/.test(run('kubectl', ['version', '--client'])) ? 'kubectl' : 'a kubectl with kustomize 5';

describeWith([kustomize], 'kustomize', () => {
  describe.each(['dev', 'prod'])('the overlay %s', (overlay) => {
    const objects = kustomize === 'kubectl' ? objectsIn(run('kubectl', ['kustomize', join(folder, 'overlays', overlay)])) : [];
    const ofKind = (...kinds: string[]) => objects.filter(({ kind }) => kinds.includes(kind));
    const workloads = ofKind('Deployment', 'StatefulSet');

    test('every object is valid, and in one namespace', async () => {
      for (const object of objects) await expect(validate(object)).resolves.toBeUndefined();
      expect(objects.length).toBeGreaterThan(20);
      const [namespace] = ofKind('Namespace');
      for (const { kind, metadata } of objects) if (kind !== 'Namespace') expect(metadata.namespace).toBe(namespace?.metadata.name);
    });

    test('every service is there; who has a database has one pod and a volume, the gateway has neither', () => {
      expect(workloads.map(({ metadata }) => metadata.name).toSorted()).toEqual(services.toSorted());
      for (const { kind, metadata: { name }, spec } of workloads) {
        if (name === 'gateway') expect({ kind, volumes: spec.volumeClaimTemplates }).toEqual({ kind: 'Deployment', volumes: undefined });
        else expect({ kind, replicas: spec.replicas, serviceName: spec.serviceName, volumes: spec.volumeClaimTemplates?.length }).toEqual({ kind: 'StatefulSet', replicas: 1, serviceName: name, volumes: 1 });
      }
    });

    test('every pod is probed, limited, and without a right that it does not need', () => {
      for (const { spec: { template: { spec } } } of workloads) {
        expect(spec).toMatchObject({ automountServiceAccountToken: false, securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } } });
        expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(10);
        for (const { startupProbe, livenessProbe, readinessProbe, resources, securityContext } of spec.containers) {
          expect([startupProbe, livenessProbe, readinessProbe]).toEqual(Array.from({ length: 3 }, () => expect.objectContaining({ httpGet: expect.anything() })));
          expect(resources).toEqual({ requests: { cpu: expect.anything(), memory: expect.anything() }, limits: { memory: expect.anything() } });
          expect(securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
        }
      }
    });

    test('an eviction is never blocked for good', () => {
      for (const { metadata: { name }, spec: { minAvailable = 0 } } of ofKind('PodDisruptionBudget')) {
        expect(minAvailable).toBeLessThan(workloads.find((workload) => workload.metadata.name === name)?.spec.replicas ?? 0);
      }
      expect(ofKind('PodDisruptionBudget').map(({ metadata }) => metadata.name).toSorted()).toEqual(services.toSorted());
    });

    test('the settings are settings, and what they name is where they say', () => {
      const names = ofKind('ConfigMap', 'Secret').flatMap(({ data }) => Object.keys(data ?? {}));
      expect(names.length).toBeGreaterThan(10);
      expect(unknownNames(names)).toEqual([]);
      const settings = ofKind('ConfigMap')[0]!.data!;
      for (const [name, address] of Object.entries(settings)) {
        const [, service, port] = /^([a-z]+):(\d+)$/.exec(name.endsWith('_ADDRESS') ? address : '') ?? [];
        if (service === undefined) continue;
        const { spec } = ofKind('Service').find(({ metadata }) => metadata.name === service)!;
        expect(spec.clusterIP).toBe('None');
        expect(spec.ports?.map((each) => each.port)).toContain(Number(port));
      }
      for (const { spec: { template } } of workloads) expect(template.spec.containers[0]!.volumeMounts.map(({ mountPath }) => mountPath)).toContain('/certs');
    });

    test('calls go along the call graph and nowhere else', () => {
      const callers = new Map<string, string[]>();
      for (const { spec } of ofKind('NetworkPolicy')) {
        for (const { from = [], ports = [] } of spec.ingress ?? []) {
          if (!ports.some(({ port }) => port === 'grpc')) continue;
          callers.set(spec.podSelector!.matchLabels![label]!, from.flatMap(({ podSelector }) => podSelector?.matchExpressions?.flatMap(({ values }) => values) ?? [podSelector!.matchLabels![label]!]));
        }
      }
      expect(Object.fromEntries(callers)).toEqual({ sessions: ['gateway', 'payments', 'reporting'], payments: ['gateway', 'reporting'], reporting: ['gateway'] });
      const [everything] = ofKind('NetworkPolicy').filter(({ metadata }) => metadata.name === 'nothing-but');
      expect(everything?.spec).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
    });

    test('each service gets its own secrets only', () => {
      for (const { metadata: { name }, spec: { template } } of workloads) {
        const secrets = template.spec.containers[0]!.envFrom.flatMap(({ secretRef }) => (secretRef ? [secretRef.name.replace(/-[a-z0-9]{10}$/, '')] : []));
        expect(secrets).toEqual([`kiosk-${name}`]);
      }
    });
  });

  test('PROD has no secret in it, takes real money, and has images of one version', () => {
    const objects = kustomize === 'kubectl' ? objectsIn(run('kubectl', ['kustomize', join(folder, 'overlays/prod')])) : [];
    expect(objects.filter(({ kind }) => kind === 'Secret')).toEqual([]);
    expect(objects.find(({ kind }) => kind === 'ConfigMap')?.data).toMatchObject({ AGENT_ENV: 'PROD', PAYMENTS_PROVIDER: 'yookassa' });
    for (const { spec } of objects.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')) expect(spec.template.spec.containers[0]!.image).toMatch(/:\d+\.\d+\.\d+$/);
  });
});
