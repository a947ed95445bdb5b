/*
 * svatest: state shared by the files of the model
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One function (PF or VF) is one SVATestState. Its channels run commands in
 * order, one at a time each, sliced in a bottom half. All of it is protected
 * by the BQL. Messages to the IOMMU leave from the bottom half or a timer,
 * never from the callbacks of the IOMMU.
 *
 *   svatest.c       configuration space, life cycle
 *   svatest_mmio.c  registers, interrupts
 *   svatest_atc.c   translation cache, invalidations
 *   svatest_pri.c   page request groups, PASID stop
 *   svatest_dma.c   translation of one access, moving of bytes
 *   svatest_ops.c   what each command does
 *   svatest_exec.c  life of a command, scheduling
 */

#ifndef HW_MISC_SVATEST_INTERNAL_H
#define HW_MISC_SVATEST_INTERNAL_H

#include "qemu/queue.h"
#include "qemu/timer.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pci_sva.h"
#include "hw/pci/pcie_sriov.h"
#include "standard-headers/misc/svatest.h"
#include "qom/object.h"

#define TYPE_SVATEST "svatest"
#define TYPE_SVATEST_VF "svatest-vf"
OBJECT_DECLARE_SIMPLE_TYPE(SVATestState, SVATEST)

#define SVATEST_PAGE 4096u
#define SVATEST_PRGIS 512u
#define SVATEST_CREDITS 64u         /* outstanding pages that PRI supports */
#define SVATEST_GROUP_PAGES 32u
#define SVATEST_PREFETCH 8u         /* pages asked for in one translation */
#define SVATEST_HELD_MAX 64u        /* invalidations with a late completion */
#define SVATEST_VECTORS (1 + SVATEST_MAX_CHANNELS)
#define SVATEST_NO_DEADLINE INT64_MAX
#define SVATEST_ATS_CAP_GLOBAL 0x40 /* ATS capability: Global Invalidate */

/* One outstanding page request group, in the table of the PF. */
typedef struct SVATestGroup {
    SVATestState *owner;        /* function that sent it, NULL: free */
    int channel;                /* that waits for it, -1: nobody any more */
    uint32_t pasid;             /* as it was sent */
    uint8_t devfn;              /* as it was sent */
    unsigned pages;             /* credits it holds */
    int64_t sent;
} SVATestGroup;

/* The page request interface of a PF and its VFs. */
typedef struct SVATestPRI {
    SVATestGroup group[SVATEST_PRGIS];
    unsigned open;              /* groups in use */
    unsigned pages;             /* credits in use */
    unsigned next;              /* PRGI to try first */
} SVATestPRI;

typedef struct SVATestATCEntry {
    uint64_t page;              /* iova >> shift */
    uint32_t pasid;
    uint8_t shift;
    PCISVARange range;
    QTAILQ_ENTRY(SVATestATCEntry) next;     /* oldest first */
} SVATestATCEntry;

typedef struct SVATestATC {
    GHashTable *table;
    QTAILQ_HEAD(, SVATestATCEntry) fifo;
    unsigned count;
    unsigned per_shift[64];
    uint64_t shifts;            /* page sizes present */
} SVATestATC;

/* What requests of a command look like on the link. */
typedef struct SVATestRequester {
    uint32_t pasid;             /* or PCI_NO_PASID */
    bool priv;
    bool exec;
    bool ats;
    bool pri;
    bool translated;
    bool no_write;
} SVATestRequester;

/* One physical run of an access. */
typedef struct SVATestRun {
    AddressSpace *as;
    hwaddr addr;
    hwaddr len;
} SVATestRun;

typedef enum SVATestStep {
    SVATEST_DONE,               /* go on */
    SVATEST_MORE,               /* the slice is used up */
    SVATEST_WAIT,               /* for a response, a time or a channel */
    SVATEST_FAIL,               /* status of the command says why */
} SVATestStep;

typedef enum SVATestPhase {
    SVATEST_PHASE_IDLE,
    SVATEST_PHASE_FETCH,
    SVATEST_PHASE_START,
    SVATEST_PHASE_RUN,
    SVATEST_PHASE_COMPLETE,
    SVATEST_PHASE_HEAD,
} SVATestPhase;

typedef struct SVATestChannel {
    SVATestState *s;
    unsigned index;

    /* registers */
    uint32_t flags, pasid, ring_lg2, vector, prg_pages, retries, coalesce;
    uint32_t timeout;
    uint64_t ring_base, head_addr;
    uint32_t tail, head;
    uint32_t last_error;
    bool ring_error;
    uint8_t imm_desc[64];
    uint32_t imm_status, imm_detail;
    uint64_t imm_bytes, imm_result;
    bool imm_pending;

    /* the command that runs */
    SVATestPhase phase;
    bool immediate;
    struct svatest_desc desc;
    SVATestRequester who;
    uint64_t done;
    uint64_t result;
    uint64_t touched;           /* accesses or pages so far */
    uint32_t crc;
    uint32_t status, detail;
    uint32_t sequence;
    bool reported;              /* completion was written early */

    /* what it waits for */
    unsigned groups;            /* responses still to come */
    bool waits_credit;
    bool waits_fence;
    int64_t wake;               /* virtual clock, or SVATEST_NO_DEADLINE */
    int64_t resp_deadline;
    uint8_t response;           /* worst code of the groups awaited */
    uint64_t pr_page;           /* page that was last asked for */
    unsigned rounds;            /* how often */

    unsigned completions;       /* not signalled yet */
    int64_t intr_deadline;
} SVATestChannel;

typedef struct SVATestHeld {
    uint32_t cookie;
    int64_t due;
} SVATestHeld;

struct SVATestState {
    PCIDevice parent_obj;

    /* properties */
    uint8_t pasid_bits;
    uint8_t num_channels;
    uint8_t num_vfs;
    uint8_t queue_depth;
    bool has_ats, ats_global, has_pri, prg_pasid, has_acs, has_pm;
    bool cap_exec, cap_priv;
    uint32_t atc_entries;
    uint32_t slice_bytes_prop;

    MemoryRegion regs, mem, msix_bar;
    uint16_t pasid_cap, pri_cap;
    bool attached;              /* a unit knows this function */
    bool ats_refused;           /* no ATS until it is enabled once more */

    QEMUBH *bh;
    QEMUTimer *timer;
    uint8_t bounce[SVATEST_PAGE];

    uint32_t control, error, cause, intr_mask;
    uint32_t stop_pasid, stop_status;
    uint32_t inv_ignore, inv_hold, resp_drop, pr_flags, pasid_xor;
    uint32_t devfn_offset, lie, slice_bytes, slice_cmds;
    uint64_t counter[SVATEST_CNT_UNIT_STALE];

    SVATestChannel channel[SVATEST_MAX_CHANNELS];
    unsigned next_channel;      /* served first in the next slice */
    uint32_t budget;            /* bytes left in this slice */
    SVATestATC atc;
    SVATestPRI pri;             /* of a PF */
    SVATestHeld held[SVATEST_HELD_MAX];
    unsigned num_held;
};

static inline void svatest_count(SVATestState *s, unsigned which, uint64_t n)
{
    s->counter[which] += n;
}

static inline SVATestState *svatest_pf(SVATestState *s)
{
    PCIDevice *dev = &s->parent_obj;

    return pci_is_vf(dev) ? SVATEST(pcie_sriov_get_pf(dev)) : s;
}

/* svatest.c */
bool svatest_ats_enabled(SVATestState *s);
bool svatest_ats_global(SVATestState *s);
unsigned svatest_ats_unit(SVATestState *s);
void svatest_ats_refuse(SVATestState *s);
bool svatest_pri_enabled(SVATestState *s);
bool svatest_dma_enabled(SVATestState *s, const SVATestRequester *who,
                         bool read);
void svatest_pri_set_status(SVATestState *s, uint16_t bits);
void svatest_pri_fail(SVATestState *s);

/* svatest_mmio.c */
extern const MemoryRegionOps svatest_regs_ops;
void svatest_raise(SVATestState *s, uint32_t cause);
void svatest_set_error(SVATestState *s, uint32_t bits);
void svatest_regs_reset(SVATestState *s, bool keep_knobs);

/* svatest_atc.c */
void svatest_atc_init(SVATestState *s);
void svatest_atc_free(SVATestState *s);
void svatest_atc_clear(SVATestState *s);
SVATestATCEntry *svatest_atc_lookup(SVATestState *s, uint32_t pasid,
                                    uint64_t addr);
void svatest_atc_insert(SVATestState *s, uint32_t pasid,
                        const PCISVARange *range);
bool svatest_atc_invalidate(void *opaque, const PCISVAInvalidation *inv);
void svatest_atc_release(SVATestState *s, int64_t now);
int64_t svatest_atc_next_due(SVATestState *s);

/* svatest_pri.c */
SVATestStep svatest_pri_ask(SVATestChannel *ch, const SVATestRequester *who,
                            uint64_t addr, uint64_t len, bool read, bool write,
                            uint32_t *reason);
SVATestStep svatest_pri_raw(SVATestChannel *ch);
void svatest_pri_stop_marker(SVATestState *s, uint32_t pasid);
void svatest_pri_response(void *opaque, uint32_t pasid, uint16_t prgi,
                          uint8_t code);
void svatest_pri_orphan(SVATestState *s, int channel);
void svatest_pri_wake(SVATestState *pf);
void svatest_pri_forget(SVATestState *s, SVATestState *owner);
void svatest_pasid_stop(SVATestState *s, uint32_t val);
void svatest_stop_check(SVATestState *s);

/* svatest_dma.c */
SVATestStep svatest_access(SVATestChannel *ch, const SVATestRequester *who,
                           uint64_t addr, uint64_t len, bool read, bool write,
                           uint64_t ahead, SVATestRun *run);
SVATestStep svatest_translation(SVATestChannel *ch,
                                const SVATestRequester *who, uint64_t addr,
                                uint64_t len, bool read, bool write,
                                PCISVARange *ranges, unsigned *nranges);
bool svatest_run_read(SVATestState *s, const SVATestRun *run, void *buf,
                      hwaddr len);
bool svatest_run_write(SVATestState *s, const SVATestRun *run, const void *buf,
                       hwaddr len);
bool svatest_run_copy(SVATestState *s, const SVATestRun *dst,
                      const SVATestRun *src, hwaddr len);
void *svatest_run_map(SVATestState *s, const SVATestRun *run, hwaddr len,
                      bool write);
void svatest_run_unmap(const SVATestRun *run, void *ptr, hwaddr len,
                       bool write);
SVATestStep svatest_fail(SVATestChannel *ch, uint32_t status, uint64_t addr,
                         uint32_t detail);

/* svatest_ops.c */
bool svatest_desc_valid(SVATestChannel *ch);
SVATestStep svatest_op_run(SVATestChannel *ch);
bool svatest_others_idle(SVATestChannel *ch);
bool svatest_charge(SVATestState *s, uint32_t cost);

/* svatest_exec.c */
void svatest_kick(SVATestState *s);
void svatest_slice(void *opaque);
void svatest_timer(void *opaque);
void svatest_abort(SVATestChannel *ch);
void svatest_channel_set_flags(SVATestChannel *ch, uint32_t flags);
void svatest_channel_reset(SVATestState *s, unsigned index);
bool svatest_channel_busy(const SVATestChannel *ch);
void svatest_imm_start(SVATestChannel *ch);

#endif
