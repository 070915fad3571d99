//! Hosts on this machine: network namespaces, all plugged into one switch, which is a namespace too.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU8, Ordering},
};

use crate::{Address, clean_command};

const PORT: u16 = 7_700;

/// Removed when it is dropped, with every link. Nothing but one link into it is made where the test itself runs.
#[derive(Debug)]
pub struct Network {
    /// Of names of namespaces and links, which may have 15 letters.
    prefix: String,
    /// 198.18.0.0/15 is for tests of networks (RFC 2544).
    subnet: [u8; 3],
    hosts: Vec<String>,
}

impl Network {
    /// Hosts of these names; `None`, said loudly, where the test may not make any.
    ///
    /// # Panics
    /// When something cannot be made although the test is root.
    pub fn of<const N: usize>(hosts: [&str; N]) -> Option<Self> {
        static NEXT: AtomicU8 = AtomicU8::new(0);
        if !nix::unistd::geteuid().is_root() {
            eprintln!("SKIPPED: only root may make network namespaces");
            return None;
        }
        let process = std::process::id();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let [_, _, middle, low] = process.wrapping_add(u32::from(number) << 12).to_be_bytes();
        let network = Self {
            prefix: format!("d{process:x}{number:x}"),
            subnet: [198, 18 | (middle >> 7), (middle << 1) ^ low],
            hosts: hosts.map(str::to_owned).to_vec(),
        };
        network.plug();
        Some(network)
    }

    /// Where a coordinator on that host listens.
    pub(crate) fn address(&self, host: &str) -> Address {
        let place = self.hosts.iter().position(|name| name == host);
        let place = place.unwrap_or_else(|| panic!("no host {host}"));
        let ip = IpAddr::V4(self.ip(place + 2));
        Address::of(SocketAddr::new(ip, PORT))
    }

    /// Where the test itself can be reached from the hosts.
    pub(crate) fn here(&self) -> IpAddr {
        IpAddr::V4(self.ip(1))
    }

    /// A program on that host.
    pub(crate) fn command(&self, host: &str, program: &Path) -> Command {
        let mut command = clean_command("ip");
        command
            .args(["netns", "exec", &self.namespace(host)])
            .arg(program);
        command
    }

    /// Pulls the plug of a host. Nobody is told.
    pub fn cut_off(&self, host: &str) {
        self.set_link(host, "down");
    }

    pub fn heal(&self, host: &str) {
        self.set_link(host, "up");
    }

    fn plug(&self) {
        let switch = self.namespace("switch");
        ip(&["netns", "add", &switch]);
        ip(&["-n", &switch, "link", "add", "bridge", "type", "bridge"]);
        ip(&["-n", &switch, "link", "set", "bridge", "up"]);
        let test = format!("{}t", self.prefix);
        self.link(&test, "test");
        ip(&[
            "address",
            "add",
            &format!("{}/24", self.ip(1)),
            "dev",
            &test,
        ]);
        ip(&["link", "set", &test, "up"]);
        for (place, host) in self.hosts.iter().enumerate() {
            let namespace = self.namespace(host);
            let link = format!("{}h", self.prefix);
            ip(&["netns", "add", &namespace]);
            self.link(&link, host);
            ip(&["link", "set", &link, "netns", &namespace]);
            ip(&["-n", &namespace, "link", "set", "lo", "up"]);
            let address = format!("{}/24", self.ip(place + 2));
            ip(&["-n", &namespace, "address", "add", &address, "dev", &link]);
            ip(&["-n", &namespace, "link", "set", &link, "up"]);
        }
    }

    /// A cable from here to the switch, where its end is named after the host.
    fn link(&self, name: &str, host: &str) {
        let switch = self.namespace("switch");
        let plug = plug(host);
        let peer = format!("{}p", self.prefix);
        ip(&["link", "add", name, "type", "veth", "peer", "name", &peer]);
        ip(&["link", "set", &peer, "netns", &switch, "name", &plug]);
        ip(&["-n", &switch, "link", "set", &plug, "master", "bridge"]);
        ip(&["-n", &switch, "link", "set", &plug, "up"]);
    }

    fn set_link(&self, host: &str, state: &str) {
        let switch = self.namespace("switch");
        ip(&["-n", &switch, "link", "set", &plug(host), state]);
    }

    fn namespace(&self, host: &str) -> String {
        format!("{}-{host}", self.prefix)
    }

    fn ip(&self, place: usize) -> Ipv4Addr {
        let [a, b, c] = self.subnet;
        Ipv4Addr::new(a, b, c, u8::try_from(place).expect("few hosts"))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for host in self.hosts.iter().map(String::as_str).chain(["switch"]) {
            // The links go with it. What was never made cannot be removed.
            let _ = Command::new("ip")
                .args(["netns", "delete", &self.namespace(host)])
                .stderr(Stdio::null())
                .status();
        }
    }
}

fn plug(host: &str) -> String {
    format!("to-{host}")
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output();
    let output = output.expect("the program ip, of iproute2 (scripts/setup installs it)");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments:?}: {told}");
}
