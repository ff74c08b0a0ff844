# The front door. `make demo` and `make test` do all their set-up themselves; `make help` lists the rest.

# A customer's fonts come first: make SHENLING_FONTS=/folder demo
FONTS := $(or $(SHENLING_FONTS),$(CURDIR)/target/fonts)
SEASON := target/demo-season
CARGO := cargo

.DEFAULT_GOAL := help
.PHONY: help demo test soak bench deb lint doc fonts

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 8

# The demo is what customers run: without fail points. Only `fail` and our own crate are compiled again for the tests.
# Exit code 1 is the demo's success too: faults were planted, so work is set aside.
demo: fonts ## a whole season of three prisons, from their spreadsheets to sealed claim papers, in target/demo-season
	$(CARGO) build --locked
	rm -rf $(SEASON)
	SHENLING_FONTS='$(FONTS)' $(CARGO) run --locked --quiet -- demo $(SEASON) || [ $$? -eq 1 ]

test: fonts ## all tests; on PostgreSQL too where SHENLING_TEST_PG names a server, through Postfix where SHENLING_TEST_SMTP does
	SHENLING_FONTS='$(FONTS)' $(CARGO) test --locked --features failpoints
	@[ -n "$$SHENLING_TEST_PG" ] || echo 'test: skipped everything on PostgreSQL (SHENLING_TEST_PG is not set; .ci/run sets up a server and runs all)'
	@[ -n "$$SHENLING_TEST_IMAP" ] || echo 'test: skipped mail out of a real server (SHENLING_TEST_IMAP is not set; .ci/imap-server starts one)'
	@[ -n "$$SHENLING_TEST_SMTP" ] || echo 'test: skipped mail through a real server (SHENLING_TEST_SMTP is not set; .ci/mail-server starts one, .ci/run runs all)'

# LIVESxYEARS; a failing life is printed with the command that lives it again (docs/soak.md).
SOAK := 10000x5

soak: fonts ## the simulator: 10,000 lives of five years (a release build, then hours; SOAK=500x2 for less)
	SHENLING_FONTS='$(FONTS)' SHENLING_SOAK=$(SOAK) $(CARGO) test --release --locked --features failpoints --test suite -- --exact sim::what_must_hold_holds_in_every_life --nocapture

bench: fonts ## 10,000 and 100,000 persons: seconds, rows/s, peak memory; 1,000 mails; a reply (a release build: 15 minutes the first time)
	SHENLING_FONTS='$(FONTS)' $(CARGO) bench --locked --bench season
	$(CARGO) bench --locked --bench mail
	$(CARGO) bench --locked --bench reply

deb: fonts ## the Debian package, in target/deb/debian; .ci/deb-test tries one (cargo-deb; a release build: 15 minutes the first time)
	$(CARGO) build --locked --release
	SHENLING_FONTS='$(FONTS)' .ci/deb target/release/shenling

lint: ## formatting, clippy, documentation, licences and bans
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --locked --no-deps --all-features --document-private-items
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		echo '$(CARGO) deny check bans licenses sources'; \
		$(CARGO) deny --locked --all-features check bans licenses sources; \
	elif [ -n "$$SHENLING_REQUIRE_ALL" ]; then echo 'lint: cargo-deny is not installed' >&2; exit 1; \
	else echo 'lint: skipped licences (cargo-deny is not installed); make test checks bans and sources'; fi

doc: ## the documentation of every module, in target/doc
	$(CARGO) doc --locked --no-deps --document-private-items

fonts: # fetched once, as Debian packages, without installing anything
	@.ci/fonts
