/** The subject: reporting's own worker pool. Two reports wait for each worker, so that none idles between two. */
import { availableParallelism } from 'node:os';
import { PdfPool } from '../../../services/reporting/src/pdf/pool.ts';
import { servePdfSlices } from './program.ts';

const pool = new PdfPool();
servePdfSlices({ concurrency: 3 * Math.min(2, availableParallelism()), render: (document) => pool.render(document) });
