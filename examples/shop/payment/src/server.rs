// SPDX-License-Identifier: Apache-2.0
//! A thread for each connection. stop() lets every request that has been read be answered.

use crate::http::{Request, Response};
use std::collections::HashMap;
use std::io::{self, BufReader};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

#[derive(Default)]
struct Connections {
    open: HashMap<SocketAddr, TcpStream>,
    stopping: bool,
}

#[derive(Default)]
struct Shared {
    connections: Mutex<Connections>,
    one_less: Condvar,
}

pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: thread::JoinHandle<()>,
}

impl Server {
    pub fn start<F>(listener: TcpListener, answer: F) -> io::Result<Server>
    where
        F: Fn(&Request) -> Response + Send + Sync + 'static,
    {
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let answer = Arc::new(answer);
        let ours = Arc::clone(&shared);
        let acceptor = thread::spawn(move || {
            for stream in listener.incoming() {
                match stream.and_then(|stream| serve_later(stream, &ours, &answer)) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => eprintln!("payment: accept: {error}"),
                }
            }
        });
        Ok(Server { address, shared, acceptor })
    }

    pub fn stop(self) {
        {
            let mut connections = self.shared.connections.lock().unwrap();
            connections.stopping = true;
            // Whoever waits for a next request sees the end of the stream; an answer can still be written.
            for stream in connections.open.values() {
                let _ = stream.shutdown(Shutdown::Read);
            }
        }
        // Wakes the acceptor, which then sees that it is to stop.
        let _ = TcpStream::connect(self.address);
        let _ = self.acceptor.join();
        let mut connections = self.shared.connections.lock().unwrap();
        while !connections.open.is_empty() {
            connections = self.shared.one_less.wait(connections).unwrap();
        }
    }
}

/// False once the server is stopping.
fn serve_later<F>(stream: TcpStream, shared: &Arc<Shared>, answer: &Arc<F>) -> io::Result<bool>
where
    F: Fn(&Request) -> Response + Send + Sync + 'static,
{
    let peer = stream.peer_addr()?;
    stream.set_nodelay(true)?;
    let second = stream.try_clone()?;
    {
        let mut connections = shared.connections.lock().unwrap();
        if connections.stopping {
            return Ok(false);
        }
        connections.open.insert(peer, second);
    }
    let (shared, answer) = (Arc::clone(shared), Arc::clone(answer));
    thread::spawn(move || {
        if let Err(error) = serve(stream, &*answer) {
            eprintln!("payment: {peer}: {error}");
        }
        shared.connections.lock().unwrap().open.remove(&peer);
        shared.one_less.notify_all();
    });
    Ok(true)
}

fn serve(stream: TcpStream, answer: &impl Fn(&Request) -> Response) -> io::Result<()> {
    let mut output = stream.try_clone()?;
    let mut input = BufReader::new(stream);
    loop {
        match Request::read(&mut input) {
            Ok(Some(request)) => {
                let close = request.wants_close();
                answer(&request).write(&mut output, close)?;
                if close {
                    return Ok(());
                }
            }
            Ok(None) => return Ok(()),
            // The peer was killed: no news.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
            Err(error) => {
                Response::new(400, format!("{{\"error\":\"{error}\"}}\n")).write(&mut output, true)?;
                return Err(error);
            }
        }
    }
}
