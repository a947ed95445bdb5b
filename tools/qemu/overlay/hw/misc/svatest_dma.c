/*
 * svatest: from an address of the device to bytes in memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * svatest_access() turns one access into one physical run: through the
 * translation cache, by an untranslated or translated request, or, where no
 * unit knows PASIDs, by ordinary DMA. A run is good until the slice ends.
 */

#include "qemu/osdep.h"
#include "svatest_internal.h"

#define SVATEST_RANGES 16

static MemTxAttrs svatest_attrs(SVATestState *s)
{
    return (MemTxAttrs) { .requester_id = pci_requester_id(&s->parent_obj) };
}

SVATestStep svatest_fail(SVATestChannel *ch, uint32_t status, uint64_t addr,
                         uint32_t detail)
{
    ch->status = status;
    ch->result = addr;
    ch->detail = detail;
    if (status == SVATEST_ST_ACCESS) {
        svatest_count(ch->s, SVATEST_CNT_FAULTS, 1);
    }
    return SVATEST_FAIL;
}

static uint32_t svatest_wanted(const SVATestRequester *who, bool read,
                               bool write)
{
    return (read ? SVATEST_DET_READ : 0) | (write ? SVATEST_DET_WRITE : 0) |
           (read && who->exec ? SVATEST_DET_EXEC : 0) |
           (who->priv ? SVATEST_DET_PRIV : 0);
}

static PCISVAStatus svatest_request(SVATestChannel *ch,
                                    const SVATestRequester *who,
                                    PCISVAType type, uint64_t addr,
                                    uint64_t len, bool read, bool write,
                                    PCISVARange *ranges, unsigned *nranges)
{
    SVATestState *s = ch->s;
    PCISVARequest req = {
        .pasid = who->pasid, .addr = addr, .len = len, .type = type,
        .devfn_offset = s->devfn_offset, .read = read, .write = write,
        .exec = who->exec && read, .priv = who->priv,
        .no_write = type == PCI_SVA_TRANSLATION && who->no_write && !write,
        .atomic = type != PCI_SVA_TRANSLATION && read && write,
    };

    if (req.pasid != PCI_NO_PASID) {
        req.pasid ^= s->pasid_xor;
    }
    if (type == PCI_SVA_TRANSLATION) {
        svatest_count(s, SVATEST_CNT_TRANSLATIONS, 1);
    }
    return pci_sva_translate(&s->parent_obj, &req, ranges, nranges);
}

/* The run of as many ranges as follow each other in memory. */
static void svatest_run_set(SVATestRun *run, uint64_t addr, uint64_t len,
                            const PCISVARange *ranges, unsigned nranges)
{
    run->as = ranges[0].as;
    run->addr = ranges[0].addr + (addr - ranges[0].iova);
    run->len = ranges[0].size - (addr - ranges[0].iova);
    for (unsigned i = 1; i < nranges && run->len < len; i++) {
        if (ranges[i].as != run->as ||
            ranges[i].addr != run->addr + run->len) {
            break;
        }
        run->len += ranges[i].size;
    }
    run->len = MIN(run->len, len);
}

static SVATestStep svatest_refused(SVATestChannel *ch,
                                   const SVATestRequester *who,
                                   PCISVAStatus status, uint64_t addr,
                                   bool read, bool write)
{
    uint32_t reason = status == PCI_SVA_UR ? SVATEST_REASON_UR :
                      status == PCI_SVA_CA ? SVATEST_REASON_CA :
                      status == PCI_SVA_UNSUPPORTED ? SVATEST_REASON_NO_UNIT :
                      SVATEST_REASON_BLOCKED;

    return svatest_fail(ch, SVATEST_ST_ACCESS, addr,
                        svatest_wanted(who, read, write) | reason << 8);
}

static SVATestStep svatest_untranslated(SVATestChannel *ch,
                                        const SVATestRequester *who,
                                        uint64_t addr, uint64_t len,
                                        bool read, bool write, SVATestRun *run)
{
    PCISVARange ranges[SVATEST_RANGES];
    unsigned nranges = SVATEST_RANGES;
    PCISVAStatus status;

    status = svatest_request(ch, who, PCI_SVA_UNTRANSLATED, addr, len, read,
                             write, ranges, &nranges);
    if (status == PCI_SVA_UNSUPPORTED && who->pasid == PCI_NO_PASID) {
        run->as = pci_get_address_space(&ch->s->parent_obj);
        run->addr = addr;
        run->len = len;
        return SVATEST_DONE;
    }
    if (status != PCI_SVA_OK || !nranges) {
        return svatest_refused(ch, who, status, addr, read, write);
    }
    svatest_run_set(run, addr, len, ranges, nranges);
    return SVATEST_DONE;
}

/*
 * A request with the address that is in @run, which may be shortened. Such an
 * address belongs to no address space: the PASID stays behind, unless a trusted
 * channel is asked to break that rule.
 */
static SVATestStep svatest_translated(SVATestChannel *ch,
                                      const SVATestRequester *who,
                                      bool read, bool write, SVATestRun *run)
{
    SVATestRequester sent = *who;
    PCISVARange range;
    unsigned nranges = 1;
    PCISVAStatus status;

    if (!who->translated) {
        sent.pasid = PCI_NO_PASID;
        sent.exec = false;
        sent.priv = false;
    }
    status = svatest_request(ch, &sent, PCI_SVA_TRANSLATED, run->addr,
                             run->len, read, write, &range, &nranges);
    if (status != PCI_SVA_OK || !nranges) {
        return svatest_refused(ch, who, status, run->addr, read, write);
    }
    run->as = range.as;
    return SVATEST_DONE;
}

/* How many of @ranges can be used: none of less than the smallest unit */
static unsigned svatest_large_enough(const PCISVARange *ranges, unsigned n,
                                     uint64_t unit)
{
    unsigned good = 0;

    while (good < n && ranges[good].size >= unit) {
        good++;
    }
    return good;
}

/*
 * Send one translation request, on success with at least one range. It begins
 * where a smallest translation unit begins.
 */
SVATestStep svatest_translation(SVATestChannel *ch,
                                const SVATestRequester *who, uint64_t addr,
                                uint64_t len, bool read, bool write,
                                PCISVARange *ranges, unsigned *nranges)
{
    SVATestState *s = ch->s;
    uint64_t unit = 1ull << svatest_ats_unit(s);
    uint64_t first = addr & -unit;
    PCISVAStatus status;

    if (!svatest_dma_enabled(s, who, read) || !svatest_ats_enabled(s)) {
        return svatest_fail(ch, SVATEST_ST_ACCESS, addr,
                            svatest_wanted(who, read, write) |
                            SVATEST_REASON_DISABLED << 8);
    }
    status = svatest_request(ch, who, PCI_SVA_TRANSLATION, first,
                             len + (addr - first), read, write, ranges,
                             nranges);
    if (status == PCI_SVA_UR) {
        svatest_ats_refuse(s);
    }
    if (status != PCI_SVA_OK || !*nranges) {
        return svatest_refused(ch, who, status, addr, read, write);
    }
    if (!(ranges[0].read || ranges[0].write)) {
        /* That there is nothing is said of the whole unit. */
        ranges[0].size = MAX(ranges[0].size, unit);
    }
    *nranges = svatest_large_enough(ranges, *nranges, unit);
    if (!*nranges) {
        return svatest_fail(ch, SVATEST_ST_ACCESS, addr,
                            svatest_wanted(who, read, write) |
                            SVATEST_REASON_SIZE << 8);
    }
    return SVATEST_DONE;
}

static bool svatest_allows(const PCISVARange *r, const SVATestRequester *who,
                           bool read, bool write)
{
    return (r->read || !read) && (r->write || !write) &&
           (r->exec || !read || !who->exec) && r->priv == who->priv;
}

static SVATestATCEntry *svatest_hit(SVATestChannel *ch,
                                    const SVATestRequester *who, uint64_t addr,
                                    bool read, bool write)
{
    SVATestATCEntry *e = svatest_atc_lookup(ch->s, who->pasid, addr);

    return e && svatest_allows(&e->range, who, read, write) ? e : NULL;
}

static void svatest_count_hit(SVATestChannel *ch, const SVATestRequester *who,
                              uint64_t addr, bool read, bool write,
                              const PCISVARange *range)
{
    SVATestState *s = ch->s;
    PCISVARequest req = {
        .pasid = who->pasid, .addr = addr, .len = 1,
        .type = PCI_SVA_TRANSLATION, .devfn_offset = s->devfn_offset,
        .read = read, .write = write, .exec = who->exec && read,
        .priv = who->priv, .no_write = who->no_write && !write,
    };

    svatest_count(s, SVATEST_CNT_ATC_HITS, 1);
    if (pci_sva_stale(&s->parent_obj, &req, range)) {
        svatest_count(s, SVATEST_CNT_ATC_STALE, 1);
    }
}

/* The page is not there, or not with the right that is wanted. */
static SVATestStep svatest_missing(SVATestChannel *ch,
                                   const SVATestRequester *who, uint64_t addr,
                                   uint64_t ahead, bool read, bool write)
{
    uint64_t page = addr & -(uint64_t)SVATEST_PAGE;
    uint32_t detail = svatest_wanted(who, read, write);
    uint32_t reason;
    SVATestStep step;

    if (!who->pri) {
        return svatest_fail(ch, SVATEST_ST_NO_RIGHT, addr, detail);
    }
    if (page != ch->pr_page) {
        ch->pr_page = page;
        ch->rounds = 0;
    }
    if (ch->rounds > ch->retries) {
        return svatest_fail(ch, SVATEST_ST_RETRY, addr, detail);
    }
    step = svatest_pri_ask(ch, who, addr, ahead, read, write, &reason);
    if (step == SVATEST_FAIL) {
        return svatest_fail(ch, SVATEST_ST_NO_RIGHT, addr,
                            detail | reason << 8);
    }
    ch->rounds += !ch->waits_credit;
    return step;
}

static SVATestStep svatest_fill(SVATestChannel *ch,
                                const SVATestRequester *who, uint64_t addr,
                                uint64_t ahead, bool read, bool write)
{
    PCISVARange ranges[SVATEST_PREFETCH];
    unsigned nranges = SVATEST_PREFETCH;
    SVATestStep step;

    svatest_count(ch->s, SVATEST_CNT_ATC_MISSES, 1);
    step = svatest_translation(ch, who, addr,
                               MIN(ahead, SVATEST_PREFETCH * SVATEST_PAGE),
                               read, write, ranges, &nranges);
    if (step != SVATEST_DONE) {
        return step;
    }
    /* Last page first: a small cache then keeps the one that is wanted. */
    for (unsigned i = nranges; i-- > 0; ) {
        if (ranges[i].read || ranges[i].write) {
            svatest_atc_insert(ch->s, who->pasid, &ranges[i]);
        }
    }
    return SVATEST_DONE;
}

static SVATestStep svatest_cached(SVATestChannel *ch,
                                  const SVATestRequester *who, uint64_t addr,
                                  uint64_t len, bool read, bool write,
                                  uint64_t ahead, SVATestRun *run)
{
    SVATestATCEntry *e = svatest_hit(ch, who, addr, read, write);

    if (e) {
        svatest_count_hit(ch, who, addr, read, write, &e->range);
    } else {
        SVATestStep step = svatest_fill(ch, who, addr, ahead, read, write);

        if (step != SVATEST_DONE) {
            return step;
        }
        e = svatest_hit(ch, who, addr, read, write);
        if (!e) {
            return svatest_missing(ch, who, addr, ahead, read, write);
        }
    }
    if (e->range.untranslated_only) {
        return svatest_untranslated(ch, who, addr, len, read, write, run);
    }
    svatest_run_set(run, addr, len, &e->range, 1);
    while (run->len < len) {
        e = svatest_hit(ch, who, addr + run->len, read, write);
        if (!e || e->range.untranslated_only || e->range.as != run->as ||
            e->range.addr + (addr + run->len - e->range.iova) !=
            run->addr + run->len) {
            break;
        }
        svatest_count_hit(ch, who, addr + run->len, read, write, &e->range);
        run->len += MIN(len - run->len,
                        e->range.size - (addr + run->len - e->range.iova));
    }
    return svatest_translated(ch, who, read, write, run);
}

/*
 * Get the run at @addr, at most @len bytes of it. @ahead is how far the command
 * will go on from there, at least @len. Reading and writing at once is an
 * AtomicOp.
 */
SVATestStep svatest_access(SVATestChannel *ch, const SVATestRequester *who,
                           uint64_t addr, uint64_t len, bool read, bool write,
                           uint64_t ahead, SVATestRun *run)
{
    SVATestState *s = ch->s;

    if (ch->response != PCI_SVA_RESP_SUCCESS) {
        uint32_t code = ch->response & 0xf;

        ch->response = PCI_SVA_RESP_SUCCESS;
        return svatest_fail(ch, code == PCI_SVA_RESP_INVALID ?
                            SVATEST_ST_PAGE_INVALID : SVATEST_ST_PAGE_FAILURE,
                            ch->pr_page,
                            svatest_wanted(who, read, write) | code << 16);
    }
    if (!svatest_dma_enabled(s, who, read)) {
        return svatest_fail(ch, SVATEST_ST_ACCESS, addr,
                            svatest_wanted(who, read, write) |
                            SVATEST_REASON_DISABLED << 8);
    }
    if (who->translated) {
        run->addr = addr;
        run->len = len;
        return svatest_translated(ch, who, read, write, run);
    }
    if (who->ats && svatest_ats_enabled(s) && s->attached) {
        return svatest_cached(ch, who, addr, len, read, write, ahead, run);
    }
    return svatest_untranslated(ch, who, addr, len, read, write, run);
}

/*
 * Memory that can be reached by pointer for all of @len, else NULL. Anything
 * else, such as registers of a device, goes through the memory API.
 */
void *svatest_run_map(SVATestState *s, const SVATestRun *run, hwaddr len,
                      bool write)
{
    MemTxAttrs attrs = svatest_attrs(s);
    hwaddr xlat, plen = len;
    MemoryRegion *mr;
    void *ptr;

    WITH_RCU_READ_LOCK_GUARD() {
        mr = address_space_translate(run->as, run->addr, &xlat, &plen, write,
                                     attrs);
        if (plen < len || !memory_access_is_direct(mr, write, attrs)) {
            return NULL;
        }
    }
    plen = len;
    ptr = address_space_map(run->as, run->addr, &plen, write, attrs);
    if (ptr && plen < len) {
        address_space_unmap(run->as, ptr, plen, write, 0);
        ptr = NULL;
    }
    return ptr;
}

void svatest_run_unmap(const SVATestRun *run, void *ptr, hwaddr len,
                       bool write)
{
    address_space_unmap(run->as, ptr, len, write, len);
}

bool svatest_run_read(SVATestState *s, const SVATestRun *run, void *buf,
                      hwaddr len)
{
    return address_space_read(run->as, run->addr, svatest_attrs(s), buf,
                              len) == MEMTX_OK;
}

bool svatest_run_write(SVATestState *s, const SVATestRun *run, const void *buf,
                       hwaddr len)
{
    return address_space_write(run->as, run->addr, svatest_attrs(s), buf,
                               len) == MEMTX_OK;
}

static bool svatest_bounce(SVATestState *s, const SVATestRun *dst,
                           const SVATestRun *src, hwaddr len)
{
    SVATestRun to = *dst, from = *src;

    while (len) {
        hwaddr n = MIN(len, sizeof(s->bounce));

        if (!svatest_run_read(s, &from, s->bounce, n) ||
            !svatest_run_write(s, &to, s->bounce, n)) {
            return false;
        }
        from.addr += n;
        to.addr += n;
        len -= n;
    }
    return true;
}

bool svatest_run_copy(SVATestState *s, const SVATestRun *dst,
                      const SVATestRun *src, hwaddr len)
{
    void *from = svatest_run_map(s, src, len, false);
    void *to = from ? svatest_run_map(s, dst, len, true) : NULL;
    bool ok = true;

    if (to) {
        memmove(to, from, len);
        svatest_run_unmap(dst, to, len, true);
    } else {
        ok = svatest_bounce(s, dst, src, len);
    }
    if (from) {
        svatest_run_unmap(src, from, len, false);
    }
    return ok;
}
