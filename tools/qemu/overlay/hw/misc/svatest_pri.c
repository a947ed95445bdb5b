/*
 * svatest: page requests and the stop of a PASID
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A PF and its VFs share one page request interface: group indices and credits
 * live in the PF, the requester id of a message is that of the sender. A group
 * stays open until its response or a reset of the interface, even when nobody
 * waits for it any more; only that keeps its index from being used twice.
 */

#include "qemu/osdep.h"
#include "svatest_internal.h"

static void svatest_send(SVATestState *s, PCISVAPageRequest *req)
{
    if (s->pr_flags & SVATEST_KP_NO_PASID) {
        req->pasid = PCI_NO_PASID;
    } else if (req->pasid != PCI_NO_PASID) {
        req->pasid ^= s->pasid_xor;
    }
    req->priv |= !!(s->pr_flags & SVATEST_KP_PRIV);
    req->exec |= !!(s->pr_flags & SVATEST_KP_EXEC);
    req->devfn_offset = s->devfn_offset;
    svatest_count(s, SVATEST_CNT_PAGE_REQUESTS, 1);
    svatest_count(s, SVATEST_CNT_GROUPS,
                  req->last && (req->read || req->write));
    pci_sva_page_request(&s->parent_obj, req);
}

/* The PASID by which the response will name a group of @pasid. */
static uint32_t svatest_sent_pasid(SVATestState *s, uint32_t pasid)
{
    if (pasid == PCI_NO_PASID || (s->pr_flags & SVATEST_KP_NO_PASID)) {
        return PCI_NO_PASID;
    }
    return pasid ^ s->pasid_xor;
}

static void svatest_group_open(SVATestState *s, unsigned prgi, int channel,
                               uint32_t pasid, unsigned pages)
{
    SVATestPRI *pri = &svatest_pf(s)->pri;
    SVATestGroup *g = &pri->group[prgi];

    if (!g->owner) {
        pri->open++;
    } else {
        pri->pages -= g->pages;
    }
    *g = (SVATestGroup) {
        .owner = s, .channel = channel, .pages = pages,
        .devfn = s->parent_obj.devfn + s->devfn_offset,
        .pasid = svatest_sent_pasid(s, pasid),
        .sent = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL),
    };
    pri->pages += pages;
}

static void svatest_group_close(SVATestPRI *pri, SVATestGroup *g)
{
    pri->open--;
    pri->pages -= g->pages;
    g->owner = NULL;
}

static int svatest_free_prgi(SVATestPRI *pri)
{
    for (unsigned i = 0; i < SVATEST_PRGIS; i++) {
        unsigned prgi = (pri->next + i) % SVATEST_PRGIS;

        if (!pri->group[prgi].owner) {
            pri->next = (prgi + 1) % SVATEST_PRGIS;
            return prgi;
        }
    }
    return -1;
}

static unsigned svatest_credits(SVATestState *pf)
{
    uint32_t granted = pci_get_long(pf->parent_obj.config + pf->pri_cap +
                                    PCI_PRI_ALLOC_REQ);

    granted = MIN(granted, SVATEST_CREDITS);
    return granted > pf->pri.pages ? granted - pf->pri.pages : 0;
}

static void svatest_await(SVATestChannel *ch, unsigned groups)
{
    ch->groups = groups;
    ch->response = PCI_SVA_RESP_SUCCESS;
    ch->resp_deadline = !ch->timeout ? SVATEST_NO_DEADLINE :
        qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + (int64_t)ch->timeout * 1000000;
}

/*
 * Ask for the page at @addr and some after it, up to @len bytes. Returns
 * SVATEST_WAIT when a response is to come or credits are used up, SVATEST_FAIL
 * with *@reason when page requests are not possible.
 */
SVATestStep svatest_pri_ask(SVATestChannel *ch, const SVATestRequester *who,
                            uint64_t addr, uint64_t len, bool read, bool write,
                            uint32_t *reason)
{
    SVATestState *s = ch->s, *pf = svatest_pf(s);
    uint64_t page = addr & -(uint64_t)SVATEST_PAGE;
    unsigned pages, credits;
    int prgi;

    if (!svatest_pri_enabled(s) || !s->attached) {
        *reason = SVATEST_REASON_DISABLED;
        return SVATEST_FAIL;
    }
    credits = svatest_credits(pf);
    prgi = svatest_free_prgi(&pf->pri);
    if (!credits || prgi < 0) {
        ch->waits_credit = true;
        return SVATEST_WAIT;
    }
    pages = MIN(len, SVATEST_GROUP_PAGES * SVATEST_PAGE);
    pages = DIV_ROUND_UP((addr - page) + pages, SVATEST_PAGE);
    pages = MAX(1, MIN(MIN(pages, ch->prg_pages), credits));
    svatest_group_open(s, prgi, ch->index, who->pasid, pages);
    svatest_await(ch, 1);
    for (unsigned i = 0; i < pages; i++) {
        PCISVAPageRequest req = {
            .pasid = who->pasid, .addr = page + (uint64_t)i * SVATEST_PAGE,
            .prgi = prgi, .read = read, .write = write,
            .exec = who->exec && read, .priv = who->priv,
            .last = i == pages - 1 && !(s->pr_flags & SVATEST_KP_NO_LAST),
        };

        svatest_send(s, &req);
    }
    return SVATEST_WAIT;
}

/* One message of SVATEST_OP_PAGEREQ. */
static void svatest_pri_raw_one(SVATestChannel *ch, uint64_t n, uint64_t total)
{
    const struct svatest_desc *d = &ch->desc;
    bool distinct = d->aux & SVATEST_PR_DISTINCT;
    PCISVAPageRequest req = {
        .pasid = ch->who.pasid,
        .addr = d->src + (d->aux & SVATEST_PR_SAME_ADDR ? 0 :
                          n * SVATEST_PAGE),
        .prgi = (d->aux + (distinct ? n : 0)) & SVATEST_PR_PRGI_MASK,
        .read = d->aux & SVATEST_PR_READ,
        .write = d->aux & SVATEST_PR_WRITE,
        .exec = d->aux & SVATEST_PR_EXEC,
        .priv = d->aux & SVATEST_PR_PRIV,
        .last = (d->aux & SVATEST_PR_LAST) && (distinct || n == total - 1),
    };

    /* A stop marker by this way opens nothing: it has no response. */
    if (req.last && (req.read || req.write)) {
        bool wait = d->aux & SVATEST_PR_WAIT;

        svatest_group_open(ch->s, req.prgi, wait ? ch->index : -1, req.pasid,
                           0);
        ch->groups += wait;
    }
    svatest_send(ch->s, &req);
}

/*
 * Raw messages heed neither the enable bit nor the credits nor the group index
 * in use: that is what they are for.
 */
SVATestStep svatest_pri_raw(SVATestChannel *ch)
{
    SVATestState *s = ch->s;
    uint64_t total = MAX(ch->desc.length, 1);
    uint8_t code;

    if (!ch->done) {
        svatest_await(ch, 0);
    }
    while (ch->done < total) {
        if (!svatest_charge(s, sizeof(struct svatest_desc))) {
            return SVATEST_MORE;
        }
        svatest_pri_raw_one(ch, ch->done++, total);
    }
    if (ch->groups) {
        return SVATEST_WAIT;
    }
    code = ch->response;
    ch->response = PCI_SVA_RESP_SUCCESS;
    if (code == PCI_SVA_RESP_SUCCESS) {
        return SVATEST_DONE;
    }
    return svatest_fail(ch, code == PCI_SVA_RESP_INVALID ?
                        SVATEST_ST_PAGE_INVALID : SVATEST_ST_PAGE_FAILURE,
                        code, (uint32_t)code << 16);
}

void svatest_pri_stop_marker(SVATestState *s, uint32_t pasid)
{
    PCISVAPageRequest req = { .pasid = pasid, .last = true };

    svatest_send(s, &req);
    if (s->pr_flags & SVATEST_KP_AFTER_STOP) {
        int prgi = svatest_free_prgi(&svatest_pf(s)->pri);

        if (prgi >= 0) {
            svatest_group_open(s, prgi, -1, pasid, 1);
            req = (PCISVAPageRequest) {
                .pasid = pasid, .prgi = prgi, .read = true, .last = true,
            };
            svatest_send(s, &req);
        }
    }
}

static bool svatest_group_pending(SVATestState *s, uint32_t pasid)
{
    SVATestPRI *pri = &svatest_pf(s)->pri;

    for (unsigned i = 0; i < SVATEST_PRGIS && pri->open; i++) {
        if (pri->group[i].owner == s &&
            pri->group[i].pasid == svatest_sent_pasid(s, pasid)) {
            return true;
        }
    }
    return false;
}

/* Report a stop once no response can come any more, or a marker went out. */
void svatest_stop_check(SVATestState *s)
{
    uint32_t pasid = s->stop_pasid & SVATEST_PASID_MASK;

    if (!(s->stop_status & SVATEST_STOP_BUSY) ||
        (!(s->stop_pasid & SVATEST_STOP_MARKER) &&
         svatest_group_pending(s, pasid))) {
        return;
    }
    s->stop_status = pasid | SVATEST_STOP_DONE;
    svatest_raise(s, SVATEST_INTR_STOPPED);
}

static void svatest_count_response(SVATestState *s, const SVATestGroup *g,
                                   uint8_t code)
{
    int64_t waited = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) - g->sent;

    svatest_count(s, code == PCI_SVA_RESP_SUCCESS ? SVATEST_CNT_RESP_SUCCESS :
                     code == PCI_SVA_RESP_INVALID ? SVATEST_CNT_RESP_INVALID :
                     SVATEST_CNT_RESP_FAILURE, 1);
    s->counter[SVATEST_CNT_LONGEST_WAIT] =
        MAX(s->counter[SVATEST_CNT_LONGEST_WAIT], waited);
}

/* Out of credits is the state of many channels, of all functions. */
void svatest_pri_wake(SVATestState *pf)
{
    unsigned vfs = pcie_sriov_num_vfs(&pf->parent_obj);

    for (unsigned f = 0; f <= vfs; f++) {
        SVATestState *s = pf;

        if (f) {
            s = SVATEST(pcie_sriov_get_vf_at_index(&pf->parent_obj, f - 1));
        }
        for (unsigned i = 0; i < s->num_channels; i++) {
            if (s->channel[i].waits_credit) {
                s->channel[i].waits_credit = false;
                svatest_kick(s);
            }
        }
    }
}

void svatest_pri_response(void *opaque, uint32_t pasid, uint16_t prgi,
                          uint8_t code)
{
    SVATestState *s = opaque, *pf = svatest_pf(s);
    SVATestGroup *g = &pf->pri.group[prgi % SVATEST_PRGIS];
    SVATestState *owner;
    SVATestChannel *ch;

    if (s->resp_drop) {
        s->resp_drop--;
        svatest_count(s, SVATEST_CNT_RESP_DROPPED, 1);
        return;
    }
    /* Without the PASID in responses the index alone has to match. */
    if (!g->owner || g->devfn != s->parent_obj.devfn ||
        (pf->prg_pasid && g->pasid != pasid)) {
        svatest_count(s, SVATEST_CNT_RESP_UNKNOWN, 1);
        svatest_pri_set_status(pf, PCI_PRI_STATUS_UPRGI);
        svatest_set_error(s, SVATEST_ERR_UPRGI);
        return;
    }
    svatest_count_response(s, g, code);
    owner = g->owner;
    ch = g->channel < 0 ? NULL : &owner->channel[g->channel];
    svatest_group_close(&pf->pri, g);
    if (ch && ch->groups) {
        ch->response = MAX(ch->response, code);
        ch->groups--;
    }
    if (code != PCI_SVA_RESP_SUCCESS && code != PCI_SVA_RESP_INVALID) {
        svatest_pri_fail(pf);
        svatest_set_error(s, SVATEST_ERR_RESPONSE);
    }
    svatest_pri_set_status(pf, 0);
    svatest_pri_wake(pf);
    svatest_stop_check(owner);
    svatest_kick(owner);
}

/* The command of @channel ends without the responses; -1: every channel. */
void svatest_pri_orphan(SVATestState *s, int channel)
{
    SVATestPRI *pri = &svatest_pf(s)->pri;

    for (unsigned i = 0; i < SVATEST_PRGIS && pri->open; i++) {
        SVATestGroup *g = &pri->group[i];

        if (g->owner == s && (channel < 0 || g->channel == channel)) {
            g->channel = -1;
        }
    }
}

/*
 * No response will come for the groups of @owner, or for any of @pf and its
 * VFs if that is NULL. Who still waits for one fails.
 */
void svatest_pri_forget(SVATestState *pf, SVATestState *owner)
{
    for (unsigned i = 0; i < SVATEST_PRGIS && pf->pri.open; i++) {
        SVATestGroup *g = &pf->pri.group[i];
        SVATestState *s = g->owner;

        if (!s || (owner && s != owner)) {
            continue;
        }
        if (g->channel >= 0) {
            s->channel[g->channel].response = PCI_SVA_RESP_FAILURE;
            s->channel[g->channel].groups = 0;
            svatest_kick(s);
        }
        svatest_group_close(&pf->pri, g);
        svatest_stop_check(s);
    }
}

void svatest_pasid_stop(SVATestState *s, uint32_t val)
{
    uint32_t pasid = val & SVATEST_PASID_MASK;

    s->stop_pasid = val;
    s->stop_status = pasid | SVATEST_STOP_BUSY;
    for (unsigned i = 0; i < s->num_channels; i++) {
        SVATestChannel *ch = &s->channel[i];

        if (ch->phase != SVATEST_PHASE_IDLE && ch->who.pasid == pasid) {
            svatest_abort(ch);
        }
        if ((ch->pasid & SVATEST_CP_VALID) &&
            (ch->pasid & SVATEST_PASID_MASK) == pasid) {
            svatest_channel_set_flags(ch, ch->flags & ~SVATEST_CF_ENABLE);
        }
    }
    if (val & SVATEST_STOP_MARKER) {
        svatest_pri_stop_marker(s, pasid);
    }
    svatest_stop_check(s);
}
