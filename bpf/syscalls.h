/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs in the kernel and the reader in src/host/syscalls/ebpf share. */
#ifndef SYSCALLS_H
#define SYSCALLS_H

/* Slots of names; 0 is nobody's. */
#define SLOTS 1024
/* Numbers of system calls, the last for all that have no name: see CALL_OTHER. */
#define CALLS 512
/* Unknown numbers, and calls of another ABI than the machine's own. */
#define CALL_OTHER (CALLS - 1)
/* TASK_COMM_LEN, include/linux/sched.h. */
#define NAME_LEN 16

/* What one CPU counts. Only that CPU writes it. */
struct counts {
	__u64 by_slot[SLOTS];
	__u64 by_call[CALLS];
	/* The process that made the last call here, and its slot: see sys_enter(). */
	__u32 tgid;
	__u32 slot;
	__u64 generation;
	__u64 padding[510];
};

/* A name and who has it. */
struct slot {
	char name[NAME_LEN];
	/* Thread groups of this name. */
	__u32 users;
	__u32 padding;
	/* How often user space had read when the last user went, and 1; 0 if none ever did. */
	__u64 freed;
};

/* One element, shared with user space. */
struct control {
	/* Changes when any thread group changes its slot. */
	__u64 generation;
	/* How often user space has read all counts; it alone writes this. */
	__u64 folds;
};

#endif
