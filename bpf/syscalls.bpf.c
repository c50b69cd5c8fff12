// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Counts system calls by process name and by number.
 *
 * Comes in: three raw tracepoints. Goes out: arrays that user space has mapped, so that it reads
 * them without a system call. A name has a slot; all thread groups of that name share it; their
 * threads count for them. Nothing is ever set back to 0.
 *
 * A slot is used anew for another name only when nobody has its name any more and user space has
 * read it since: a count belongs to the name that the slot has when it is read.
 */
#include <linux/bpf.h>
#include "syscalls.h"

#define SEC(name) __attribute__((section(name), used))
#define inline inline __attribute__((always_inline))

/* include/uapi/linux/bpf.h numbers the helpers. */
static void *(*map_lookup)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static long (*map_update)(void *map, const void *key, const void *value, __u64 flags) =
	(void *)BPF_FUNC_map_update_elem;
static long (*map_delete)(void *map, const void *key) = (void *)BPF_FUNC_map_delete_elem;
static long (*map_push)(void *map, const void *value, __u64 flags) = (void *)BPF_FUNC_map_push_elem;
static long (*map_pop)(void *map, void *value) = (void *)BPF_FUNC_map_pop_elem;
static long (*get_comm)(void *buffer, __u32 size) = (void *)BPF_FUNC_get_current_comm;
static __u64 (*pid_tgid)(void) = (void *)BPF_FUNC_get_current_pid_tgid;
static __u32 (*processor)(void) = (void *)BPF_FUNC_get_smp_processor_id;
static long (*probe_read_kernel)(void *to, __u32 size, const void *from) =
	(void *)BPF_FUNC_probe_read_kernel;

#define KIND(number) int(*type)[number]
#define ENTRIES(number) int(*max_entries)[number]
#define FLAGS(number) int(*map_flags)[number]
#define KEY(kind) kind *key
#define VALUE(kind) kind *value

typedef struct {
	char bytes[NAME_LEN];
} name_t;

/* By CPU; user space gives it as many elements as there can be CPUs. */
struct {
	KIND(BPF_MAP_TYPE_ARRAY);
	ENTRIES(1);
	FLAGS(BPF_F_MMAPABLE);
	KEY(__u32);
	VALUE(struct counts);
} counts SEC(".maps");

struct {
	KIND(BPF_MAP_TYPE_ARRAY);
	ENTRIES(SLOTS);
	FLAGS(BPF_F_MMAPABLE);
	KEY(__u32);
	VALUE(struct slot);
} slots SEC(".maps");

struct {
	KIND(BPF_MAP_TYPE_ARRAY);
	ENTRIES(1);
	FLAGS(BPF_F_MMAPABLE);
	KEY(__u32);
	VALUE(struct control);
} control SEC(".maps");

/* Thread group to slot, with STALE if the name may have changed. */
struct {
	KIND(BPF_MAP_TYPE_HASH);
	ENTRIES(32768);
	KEY(__u32);
	VALUE(__u32);
} groups SEC(".maps");

struct {
	KIND(BPF_MAP_TYPE_HASH);
	ENTRIES(SLOTS);
	KEY(name_t);
	VALUE(__u32);
} names SEC(".maps");

/* Slots that have no name yet, or whose name nobody has; the longest there first. */
struct {
	KIND(BPF_MAP_TYPE_QUEUE);
	ENTRIES(SLOTS);
	VALUE(__u32);
} unused SEC(".maps");

/* The slots in that queue. Two CPUs may let go of a slot's last users at once: whoever can put it
 * here is the one that queues it. */
struct {
	KIND(BPF_MAP_TYPE_HASH);
	ENTRIES(SLOTS);
	KEY(__u32);
	VALUE(__u8);
} waiting SEC(".maps");

/* Set in a thread group's slot when its leader may have another name now. */
#define STALE 0x80000000u
/* Reads after which a slot that was let go is surely folded: the one under way may have passed
 * it already. */
#define FOLDS 2
/* Slots to look at for one that may be used anew. */
#define TRIES 4

#ifdef TARGET_X86_64
#define SYS_PRCTL 157
/* struct pt_regs, arch/x86/include/asm/ptrace.h: the code segment. __USER_CS is 64-bit code. */
#define MODE_OFFSET 136
#define IS_NATIVE(mode) (((mode) & 0xffff) == 0x33)
#else
#define SYS_PRCTL 167
/* struct user_pt_regs, arch/arm64/include/uapi/asm/ptrace.h: pstate. PSR_MODE32_BIT is AArch32. */
#define MODE_OFFSET 264
#define IS_NATIVE(mode) (!((mode) & 0x10))
#endif

#define add(place, number) ((void)__sync_fetch_and_add(place, number))

static inline struct control *the_control(void)
{
	__u32 zero = 0;
	return map_lookup(&control, &zero);
}

static inline void changed(void)
{
	struct control *c = the_control();
	if (c)
		add(&c->generation, 1);
}

/* Queues a slot that nobody uses, once. */
static inline void offer(__u32 number)
{
	__u8 yes = 1;

	if (!map_update(&waiting, &number, &yes, BPF_NOEXIST))
		map_push(&unused, &number, BPF_ANY);
}

/* Takes one user from a slot. The last one offers it. */
static inline void let_go(__u32 number)
{
	struct slot *slot;
	struct control *c = the_control();

	number &= SLOTS - 1;
	slot = map_lookup(&slots, &number);
	if (!slot || !c || !number)
		return;
	slot->freed = c->folds + 1;
	add(&slot->users, -1);
	if (slot->users == 0)
		offer(number);
}

/* The slot of a name, with one user more; 0 if none can be had. */
static inline __u32 take(const name_t *name)
{
	struct control *c = the_control();
	struct slot *slot;
	__u32 *known, number = 0;

	if (!c)
		return 0;
	known = map_lookup(&names, name);
	if (known) {
		number = *known & (SLOTS - 1);
		slot = map_lookup(&slots, &number);
		if (!slot)
			return 0;
		add(&slot->users, 1);
		/* Whoever gives it another name deletes this one first, then looks at the users. */
		known = map_lookup(&names, name);
		if (known && (*known & (SLOTS - 1)) == number)
			return number;
		let_go(number);
		return 0;
	}
#pragma unroll
	for (int i = 0; i < TRIES; i++) {
		if (map_pop(&unused, &number))
			return 0;
		number &= SLOTS - 1;
		slot = map_lookup(&slots, &number);
		if (!slot || !number)
			return 0;
		if (slot->users) {
			/* Somebody has the name again, and offers it when they go: before this, too. */
			map_delete(&waiting, &number);
			if (slot->users == 0)
				offer(number);
			continue;
		}
		if (slot->name[0] || slot->freed) {
			name_t old;

			if (c->folds + 1 < slot->freed + FOLDS) {
				/* Not read since. Those behind it are younger still. */
				map_push(&unused, &number, BPF_ANY);
				return 0;
			}
			__builtin_memcpy(&old, slot->name, NAME_LEN);
			map_delete(&names, &old);
			if (slot->users) {
				/* Taken in this moment by its old name, which it keeps. */
				map_update(&names, &old, &number, BPF_NOEXIST);
				map_delete(&waiting, &number);
				if (slot->users == 0)
					offer(number);
				continue;
			}
		}
		__builtin_memcpy(slot->name, name, NAME_LEN);
		add(&slot->users, 1);
		map_delete(&waiting, &number);
		if (map_update(&names, name, &number, BPF_NOEXIST)) {
			/* Another CPU was faster: this slot stays without a name of its own. */
			slot->name[0] = 0;
			let_go(number);
			known = map_lookup(&names, name);
			if (!known)
				return 0;
			number = *known & (SLOTS - 1);
			slot = map_lookup(&slots, &number);
			if (!slot)
				return 0;
			add(&slot->users, 1);
		}
		return number;
	}
	return 0;
}

/* Gives a thread group the slot of the current task's name, instead of the one in `old`. */
static __attribute__((noinline)) __u32 name_group(__u32 tgid, __u32 old)
{
	name_t name = {};
	__u32 number;

	get_comm(&name, sizeof(name));
	number = take(&name);
	let_go(old);
	if (map_update(&groups, &tgid, &number, BPF_ANY) && number) {
		let_go(number);
		number = 0;
	}
	changed();
	return number;
}

SEC("raw_tp/sys_enter")
int sys_enter(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 both = pid_tgid();
	__u32 tgid = both >> 32, pid = both, cpu = processor(), number, slot;
	struct counts *here = map_lookup(&counts, &cpu);
	struct control *c = the_control();
	__u64 mode = 0, generation, id = ctx->args[1];

	if (!here || !c)
		return 0;
	generation = *(volatile __u64 *)&c->generation;
	/* Most calls come from the process that made the last one. */
	if (here->tgid == tgid && here->generation == generation) {
		slot = here->slot;
	} else {
		__u32 *found = map_lookup(&groups, &tgid);
		/* A copy: the element may be another's once it is replaced. */
		__u32 known = found ? *found : STALE;

		if (!(known & STALE)) {
			slot = known;
		} else if (pid == tgid) {
			slot = name_group(tgid, known);
			generation = *(volatile __u64 *)&c->generation;
		} else {
			/* Only the leader can say what the name is now. */
			slot = known & ~STALE;
		}
		here->tgid = tgid;
		here->slot = slot;
		/* A leader with a stale name must come here again. */
		here->generation = known & STALE && pid != tgid ? 0 : generation;
	}
	probe_read_kernel(&mode, sizeof(mode), (void *)ctx->args[0] + MODE_OFFSET);
	number = id < CALL_OTHER && IS_NATIVE(mode) ? id : CALL_OTHER;
	add(&here->by_slot[slot & (SLOTS - 1)], 1);
	add(&here->by_call[number & (CALLS - 1)], 1);
	if (number == SYS_PRCTL && pid == tgid) {
		/* Its name may be another after this call. */
		__u32 *known = map_lookup(&groups, &tgid);

		if (known) {
			*known |= STALE;
			changed();
		}
	}
	return 0;
}

SEC("raw_tp/sched_process_exec")
int sched_process_exec(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 tgid = pid_tgid() >> 32;
	__u32 *known = map_lookup(&groups, &tgid);

	name_group(tgid, known ? *known : 0);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int sched_process_exit(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 both = pid_tgid();
	__u32 tgid = both >> 32, *known, slot;

	if (tgid != (__u32)both)
		return 0;
	known = map_lookup(&groups, &tgid);
	if (!known)
		return 0;
	slot = *known;
	map_delete(&groups, &tgid);
	changed();
	let_go(slot & (SLOTS - 1));
	return 0;
}

const char terms[] SEC("license") = "Dual BSD/GPL";
