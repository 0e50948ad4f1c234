/** The environment variable in which a child process is told its parent's process id. */
export const parentVariable = 'RX_PARFOR_PARENT';
